//! The resources that the process uses, measured when they are read. This needs only `/proc/self` and system
//! calls, so it works with `ProcSubset=pid`, and the CPU time has fractions; for these two reasons, this is
//! not the collector of the `prometheus` crate.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::{
    Counter, Gauge, IntGauge,
    core::{Collector, Desc},
    proto::MetricFamily,
};
use rustix::{
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

/// The families `process_*`, named and measured like those of Prometheus' own client libraries.
pub(super) struct Process {
    cpu: Counter,
    start: Gauge,
    resident: IntGauge,
    virtual_memory: IntGauge,
    open_fds: IntGauge,
    max_fds: IntGauge,
    threads: IntGauge,
}

impl Process {
    /// The metrics of this process, whose start is taken to be now.
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let start =
            Gauge::new("process_start_time_seconds", "Start of the process, in seconds since the epoch")?;
        start.set(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
        Ok(Self {
            cpu: Counter::new("process_cpu_seconds_total", "User and system CPU time")?,
            start,
            resident: IntGauge::new("process_resident_memory_bytes", "Memory that is resident")?,
            virtual_memory: IntGauge::new("process_virtual_memory_bytes", "Address space in use")?,
            open_fds: IntGauge::new("process_open_fds", "Open file descriptors")?,
            max_fds: IntGauge::new("process_max_fds", "Most file descriptors that may be open")?,
            threads: IntGauge::new("process_threads", "Threads of the process")?,
        })
    }

    fn collectors(&self) -> [&dyn Collector; 7] {
        [
            &self.cpu,
            &self.start,
            &self.resident,
            &self.virtual_memory,
            &self.open_fds,
            &self.max_fds,
            &self.threads,
        ]
    }

    fn read(&self) {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        if let Ok(cpu) = std::time::Duration::try_from(cpu) {
            // never negative: the clock does not go back
            self.cpu.inc_by((cpu.as_secs_f64() - self.cpu.get()).max(0.0));
        }
        let page = i64::try_from(rustix::param::page_size()).unwrap_or(0);
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let mut pages = statm.split_ascii_whitespace().map_while(|pages| pages.parse::<i64>().ok());
        for gauge in [&self.virtual_memory, &self.resident] {
            gauge.set(pages.next().unwrap_or(0) * page);
        }
        self.open_fds.set(open_fds());
        self.threads.set(entries("/proc/self/task"));
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        self.max_fds.set(i64::try_from(limit).unwrap_or(i64::MAX));
    }
}

/// How many file descriptors are open. The kernel tells since Linux 6.2; before, each has to be looked at,
/// which takes a worker milliseconds when there are thousands.
fn open_fds() -> i64 {
    match std::fs::metadata("/proc/self/fd").map_or(0, |directory| directory.len()) {
        // one of them is for the directory itself
        0 => entries("/proc/self/fd") - 1,
        count => i64::try_from(count).unwrap_or(i64::MAX),
    }
}

fn entries(directory: &str) -> i64 {
    std::fs::read_dir(directory).map_or(0, |entries| i64::try_from(entries.count()).unwrap_or(0))
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.collectors().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.read();
        self.collectors().into_iter().flat_map(Collector::collect).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_file_descriptors_are_all_counted() {
        let _held: Vec<_> = (0..900).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
        // other tests of this process open and close files meanwhile
        let agree = || open_fds().abs_diff(entries("/proc/self/fd") - 1) <= 50;
        assert!((0..10).any(|_| agree()), "{} open", open_fds());
        assert!(open_fds() >= 900);
    }
}
