//! Manual pages: clap makes those of commands, this adds the sections that clap does not know, and
//! uecho.toml(5).

use std::{fs, io, path::Path};

use clap::Command;
use clap_mangen::Man;
use roff::{Roff, bold, italic, roman};

use crate::reference::Row;

/// A section that explains terms.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) terms: Vec<(String, String)>,
}

/// The page of a command with all sections, and a page for each of its subcommands.
pub(crate) fn pages(command: Command, sections: &[Section], directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let name = command.get_name().to_owned();
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        let also = vec![(format!("{name}(1)"), "exit codes, files, and all other commands".into())];
        page(subcommand.clone(), &[Section { title: "SEE ALSO", terms: also }], directory)?;
    }
    page(command, sections, directory)
}

fn page(command: Command, sections: &[Section], directory: &Path) -> io::Result<()> {
    let man = Man::new(command).manual("Unstoppable Echo");
    let mut text = Vec::new();
    man.render(&mut text)?;
    let mut roff = Roff::new();
    for Section { title, terms } in sections {
        roff.control("SH", [*title]);
        for (term, meaning) in terms {
            roff.control("TP", []).text([bold(term)]).text([roman(meaning)]);
        }
    }
    // the page already has the preamble
    text.extend(roff.render().strip_prefix(&Roff::new().render()).unwrap_or_default().as_bytes());
    fs::write(directory.join(man.get_filename()), text)
}

/// uecho.toml(5): every setting.
pub(crate) fn settings(rows: &[Row], directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let mut roff = Roff::new();
    let program = concat!("uecho ", env!("CARGO_PKG_VERSION"));
    roff.control("TH", ["uecho.toml", "5", "", program, "Unstoppable Echo"])
        .control("SH", ["NAME"])
        .text([roman("uecho.toml - settings of uecho(1)")])
        .control("SH", ["DESCRIPTION"])
        .text([roman(
            "Sources, each overriding those before it: defaults; TOML files (--config, else UECHO_CONFIG, \
             else /etc/uecho/uecho.toml if it exists; a later file replaces lists whole); environment \
             variables UECHO_SECTION__KEY; systemd credentials named section.key. Unknown keys and values \
             out of range are refused. Durations are written \"250ms\", \"2s\" or \"1m 30s\", sizes 8192, \
             \"16KiB\" or \"1MiB\". `uecho check-config` prints what is in effect and where it comes from, \
             `uecho check-config --schema` all of this as a JSON Schema for editors.",
        )])
        .control("SH", ["SETTINGS"]);
    for Row { key, form, default, meaning } in rows {
        let default = if default.is_empty() { "unset" } else { default };
        roff.control("TP", [])
            .text([
                bold(key),
                roman(" ("),
                italic(form.as_str()),
                roman(format!(", default: {})", default.replace('`', ""))),
            ])
            .text([roman(meaning.replace('`', ""))]);
    }
    roff.control("SH", ["SEE ALSO"]).text([
        bold("uecho"),
        roman("(1), "),
        bold("systemd.exec"),
        roman("(5)"),
    ]);
    fs::write(directory.join("uecho.toml.5"), roff.render())
}
