//! The tree of an answer as inline SVG: a row and a bar for each hop. Attributes alone style it.

use std::fmt::Write as _;

use crate::http::routes::fanout::{
    fan_in::FanIn,
    rows::{Kind, Row, rows},
    shown::{milliseconds, text},
};

/// Sizes in pixels.
const ROW: f64 = 24.0;
const HEAD: f64 = 28.0;
const INDENT: f64 = 16.0;
/// Rows below this depth are not indented further: their names need space, too.
const DEEPEST: usize = 12;
/// Where the columns begin, and where the last one ends.
const COLUMNS: Columns =
    Columns { peer: 8.0, outcome: 330.0, bars: 480.0, milliseconds: 900.0, message: 990.0, end: 1240.0 };
/// The least width of a bar, so that it can be seen.
const LEAST: f64 = 2.0;
/// The number of lines of the time scale, without the first one.
const TICKS: u32 = 4;

struct Columns {
    peer: f64,
    outcome: f64,
    bars: f64,
    milliseconds: f64,
    message: f64,
    end: f64,
}

/// Appends the picture.
pub(super) fn draw(page: &mut String, fan_in: &FanIn<'_>) {
    let rows = rows(fan_in);
    let whole = rows[0].elapsed.max(0.001);
    let height = HEAD + ROW * count(rows.len()) + 4.0;
    let width = COLUMNS.end;
    let _ = writeln!(
        page,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 \
            {width} {height}\" \
         font-family=\"system-ui, 'Liberation Sans', sans-serif\" font-size=\"13\" fill=\"#1a202c\">",
    );
    for index in (1..rows.len()).step_by(2) {
        let top = HEAD + ROW * count(index);
        let _ = writeln!(page, "<rect y=\"{top}\" width=\"{width}\" height=\"{ROW}\" fill=\"#f4f6f8\"/>");
    }
    scale(page, whole, height);
    for (index, row) in rows.iter().enumerate() {
        draw_row(page, row, index, whole);
    }
    page.push_str("</svg>");
}

/// Draws the names of the columns and the lines of the time scale.
fn scale(page: &mut String, whole: f64, height: f64) {
    let _ = writeln!(page, "<g fill=\"#4a5568\" font-size=\"12\">");
    for (x, name) in [(COLUMNS.peer, "peer"), (COLUMNS.outcome, "outcome"), (COLUMNS.message, "message")] {
        let _ = writeln!(page, "<text x=\"{x}\" y=\"18\">{name}</text>");
    }
    for tick in 0..=TICKS {
        let share = f64::from(tick) / f64::from(TICKS);
        let x = at(share);
        let _ = writeln!(
            page,
            "<line x1=\"{x:.1}\" y1=\"{HEAD}\" x2=\"{x:.1}\" y2=\"{height}\" stroke=\"#d5dbe1\"/>\
             <text x=\"{x:.1}\" y=\"18\" text-anchor=\"middle\">{}</text>",
            milliseconds(whole * share),
        );
    }
    page.push_str("</g>\n");
}

fn draw_row(page: &mut String, row: &Row<'_>, index: usize, whole: f64) {
    let top = HEAD + ROW * count(index);
    let base = top + 16.5;
    let indent = |depth: usize| COLUMNS.peer + INDENT * count(depth.min(DEEPEST));
    let name = indent(row.depth);
    // one that is not indented further has no room for a line on its left
    if let Some(parent) = row.parent.filter(|_| row.depth <= DEEPEST) {
        let (x, from, y) =
            (indent(row.depth - 1) + 4.0, HEAD + ROW * (count(parent) + 1.0) - 3.0, top + ROW / 2.0);
        let _ = write!(
            page,
            "<path d=\"M{x} {from}V{y}H{}\" fill=\"none\" stroke=\"#a0aec0\" \
                shape-rendering=\"crispEdges\"/>",
            name - 3.0
        );
    }
    clipped(page, name, COLUMNS.outcome - 8.0, top, &text(&row.name));
    let Some(bar) = &row.bar else { return };
    clipped(page, COLUMNS.outcome, COLUMNS.bars - 20.0, top, &text(&row.outcome));
    let (left, right) = (at(bar.begin / whole), at(bar.end / whole));
    let left = left.min(at(1.0) - LEAST);
    let _ = writeln!(
        page,
        "<rect class=\"bar\" x=\"{left:.2}\" y=\"{}\" width=\"{:.2}\" height=\"{}\" rx=\"2\" \
            fill=\"{}\"><title>{} after {}</title></rect>\
         <text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{}</text>",
        top + 5.0,
        (right - left).max(LEAST),
        ROW - 10.0,
        colour(bar.kind),
        milliseconds(row.elapsed),
        milliseconds(bar.begin),
        COLUMNS.milliseconds + 74.0,
        milliseconds(row.elapsed),
    );
    clipped(page, COLUMNS.message, COLUMNS.end, top, &text(row.message));
}

/// Draws text, already escaped, that never leaves its column, whatever the width of its characters.
fn clipped(page: &mut String, left: f64, right: f64, top: f64, escaped: &str) {
    if escaped.is_empty() || right <= left {
        return;
    }
    let _ = writeln!(
        page,
        "<svg x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{ROW}\"><text y=\"16.5\">{escaped}</text></svg>",
        right - left
    );
}

/// The x coordinate of a share of the whole time.
fn at(share: f64) -> f64 {
    (COLUMNS.milliseconds - COLUMNS.bars).mul_add(share, COLUMNS.bars)
}

fn colour(kind: Kind) -> &'static str {
    match kind {
        Kind::Here => "#4a5568",
        Kind::Whole => "#2f855a",
        Kind::Missing => "#b7791f",
        Kind::Failed => "#c53030",
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 rows")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use uecho_probe::receipt::Receipt;

    use super::*;
    use crate::{
        config::settings::Policy,
        fanout::{merge::Completeness, tree::Hop},
    };

    fn hop(peer: &str, start_ms: f64, elapsed_ms: f64, replies: Vec<Hop<'static>>) -> Hop<'static> {
        let below = !replies.is_empty();
        Hop {
            peer: peer.to_owned().into(),
            outcome: "ok".into(),
            status: Some(200),
            elapsed_ms,
            message: Some(format!("{peer} says <hi>")),
            start_ms,
            completeness: below.then_some(Completeness::Complete),
            own_elapsed_ms: below.then_some(elapsed_ms * 0.5),
            replies: Some(replies),
            omitted: 0,
        }
    }

    /// Every place, width and colour, as somebody has looked at them.
    #[test]
    fn a_picture_is_drawn_as_it_was() {
        let deep = (0..=DEEPEST)
            .fold(Vec::new(), |below, level| vec![hop(&format!("level-{level}"), 0.5, 2.0, below)]);
        let refused = Hop { outcome: "refused".into(), message: None, ..hop("n2", 0.25, 0.0, Vec::new()) };
        let partial = Hop {
            completeness: Some(Completeness::Partial),
            omitted: 3,
            ..hop("n3", 10.0, 30.0, vec![hop("n4", 1.0, 9.0, Vec::new())])
        };
        let replies = [hop("n1", 0.25, 20.0, deep), refused, partial, hop("n5", 39.9, 1.0, Vec::new())];
        let fan_in = FanIn {
            text: "x",
            message: "hello".into(),
            policy: Policy::All,
            status: Completeness::Partial,
            elapsed_ms: 40.0,
            receipt: &Receipt::of("a", "b", None),
            replies: &replies,
        };
        let mut picture = String::new();
        draw(&mut picture, &fan_in);
        let expected = include_str!("waterfall.svg").trim_end();
        assert!(picture == expected, "if it shall look like this, it becomes waterfall.svg:\n{picture}");
    }
}
