//! The metrics that a request may touch. Each worker has a set of its own, so that no two threads write to
//! the same place; a reader gets the sums. The `prometheus` crate has counters and histograms that threads
//! share, and sums of neither.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounterVec, Opts,
    core::{Collector, Desc},
    proto::{Bucket, Counter, Metric, MetricFamily, MetricType},
};

use crate::route::Route;

/// Bucket bounds in seconds, those of `http.server.request.duration` in the OpenTelemetry semantic
/// conventions.
const DURATION_BUCKETS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// The metrics of one worker.
#[derive(Clone)]
pub(crate) struct OfWorker {
    /// `http_server_request_duration_seconds{http_request_method,http_route,http_response_status_code}`
    pub request_duration: HistogramVec,
    /// The one child of `request_duration` that the hot path uses, looked up once.
    pub echo_ok_duration: Histogram,
    /// `uecho_fanout_replies_total{outcome}`
    pub fanout_replies: IntCounterVec,
    /// `uecho_fanout_duration_seconds`
    pub fanout_duration: Histogram,
}

impl OfWorker {
    /// Makes all metrics, with the value zero.
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let duration = |name, help| HistogramOpts::new(name, help).buckets(DURATION_BUCKETS.into());
        let request_duration = HistogramVec::new(
            duration("http_server_request_duration_seconds", "Duration of HTTP server requests"),
            &["http_request_method", "http_route", "http_response_status_code"],
        )?;
        let replies = Opts::new("uecho_fanout_replies_total", "Replies of peers by outcome");
        Ok(Self {
            echo_ok_duration: request_duration.with_label_values(&["GET", Route::Echo.pattern(), "200"]),
            request_duration,
            fanout_replies: IntCounterVec::new(replies, &["outcome"])?,
            fanout_duration: Histogram::with_opts(duration(
                "uecho_fanout_duration_seconds",
                "Duration of a whole fan-out",
            ))?,
        })
    }

    fn collectors(&self) -> [&dyn Collector; 3] {
        [&self.request_duration, &self.fanout_replies, &self.fanout_duration]
    }
}

/// The metrics of all workers, which are read as one.
#[derive(Clone, Default)]
pub(super) struct All(Arc<Mutex<Vec<OfWorker>>>);

impl All {
    /// Adds a worker.
    pub(super) fn add(&self, worker: OfWorker) {
        self.workers().push(worker);
    }

    fn workers(&self) -> MutexGuard<'_, Vec<OfWorker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for All {
    fn desc(&self) -> Vec<&Desc> {
        static DESC: LazyLock<Vec<Desc>> = LazyLock::new(|| {
            let one = OfWorker::new().ok();
            let collectors = one.iter().flat_map(OfWorker::collectors);
            collectors
                .flat_map(|collector| collector.desc().into_iter().cloned().collect::<Vec<_>>())
                .collect()
        });
        DESC.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families: BTreeMap<String, MetricFamily> = BTreeMap::new();
        for family in self.workers().iter().flat_map(OfWorker::collectors).flat_map(Collector::collect) {
            match families.get_mut(family.name()) {
                Some(sum) => add(sum, family),
                None => drop(families.insert(family.name().to_owned(), family)),
            }
        }
        families.into_values().collect()
    }
}

fn add(sum: &mut MetricFamily, mut family: MetricFamily) {
    let kind = sum.get_field_type();
    for metric in family.take_metric() {
        let sums = sum.mut_metric();
        match sums.iter_mut().find(|sum| sum.get_label() == metric.get_label()) {
            Some(sum) if kind == MetricType::HISTOGRAM => add_histogram(sum, &metric),
            Some(sum) => {
                let mut counter = Counter::default();
                counter.set_value(sum.get_counter().get_value() + metric.get_counter().get_value());
                sum.set_counter(counter);
            }
            None => sums.push(metric),
        }
    }
}

fn add_histogram(sum: &mut Metric, metric: &Metric) {
    let (mut histogram, more) = (sum.get_histogram().clone(), metric.get_histogram());
    let buckets = histogram.get_bucket().iter().zip(more.get_bucket()).map(|(sum, more)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(sum.upper_bound());
        bucket.set_cumulative_count(sum.cumulative_count() + more.cumulative_count());
        bucket
    });
    let buckets = buckets.collect();
    histogram.set_bucket(buckets);
    histogram.set_sample_count(histogram.get_sample_count() + more.get_sample_count());
    histogram.set_sample_sum(histogram.get_sample_sum() + more.get_sample_sum());
    sum.set_histogram(histogram);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_all_workers_are_added_up() {
        let all = All::default();
        for worker in 1..=3u32 {
            let own = OfWorker::new().unwrap();
            all.add(own.clone());
            own.echo_ok_duration.observe(f64::from(worker));
            own.fanout_duration.observe(0.001);
            own.fanout_replies.with_label_values(&["ok"]).inc_by(u64::from(worker));
            let status = ["201", "202", "201"][worker as usize - 1];
            own.request_duration.with_label_values(&["PUT", "/", status]).observe(20.0);
        }
        let families = all.collect();
        assert_eq!(families.len(), 3);
        let text = prometheus::TextEncoder::new().encode_to_string(&families).unwrap();
        let requests = "http_server_request_duration_seconds";
        let echo = "http_request_method=\"GET\",http_response_status_code=\"200\",http_route=\"/{text}\"";
        let put = "http_request_method=\"PUT\",http_response_status_code=\"201\",http_route=\"/\"";
        for line in [
            format!("{requests}_bucket{{{echo},le=\"0.75\"}} 0"),
            format!("{requests}_bucket{{{echo},le=\"1\"}} 1"),
            format!("{requests}_bucket{{{echo},le=\"2.5\"}} 2"),
            format!("{requests}_bucket{{{echo},le=\"+Inf\"}} 3"),
            format!("{requests}_sum{{{echo}}} 6"),
            format!("{requests}_count{{{echo}}} 3"),
            format!("{requests}_count{{{put}}} 2"),
            "uecho_fanout_duration_seconds_count 3".into(),
            "uecho_fanout_replies_total{outcome=\"ok\"} 6".into(),
        ] {
            assert!(text.lines().any(|there| there == line), "{line} is not in\n{text}");
        }
    }
}
