//! Functional tests: they drive the real binary over real sockets, with an emulated systemd. One topic a
//! file.

#![expect(unreachable_pub, reason = "a test crate has no outside; `pub` here says: for other test files")]
#![expect(clippy::unwrap_used, reason = "support code of tests may fail loudly, as the tests themselves do")]

mod config;
mod drain;
mod echo;
mod exit_codes;
mod fanout;
mod fanout_below;
mod fanout_headers;
mod fanout_memory;
mod fanout_outcomes;
mod fanout_page;
mod fanout_pool;
mod fanout_ready;
mod fanout_reload;
mod fanout_tls;
mod fanout_tree;
mod http2;
mod limits;
mod logs;
mod memory;
mod metrics;
mod mirror;
mod probe;
mod probe_tls;
mod probe_wrong;
mod receipt;
mod reload;
mod slow_body;
mod smuggling;
mod stalled;
mod support;
mod systemd;
mod targets;
mod traces;
mod watchdog;
mod workers;
