//! A configuration that `check-config` accepts starts: the smallest and largest value of every key, and
//! values that look odd but are allowed. The service gets ready, answers, and feeds the watchdog after its
//! own request, which needs the whole way in.

use super::Sources;
use crate::support::Builder;

/// `{20}` and `{98}` stand for a directory whose path has that length, `{x}` for a text of 80 bytes.
pub const ACCEPTED: &[&str] = &[
    "message = ''",
    r#"message = "a\u0000b\u001b[31m\n€""#,
    r#"instance = "a;b=c, d\n\u0000€""#,
    "instance = '{x}{x}{x}'\nsystem = '{x}{x}{x}'",
    "current_system = '/'",
    "public.listen = '[::1]:0'\nops.listen = '127.0.0.2:0'",
    "public.listen = '0.0.0.0:0'\nops.listen = '[::]:0'",
    "public.listen = '[::ffff:127.0.0.1]:0'",
    // the longest path, and the longest folder with a short name
    "public.listen = 'unix:{20}/xxxxxx{x}'",
    "public.listen = 'unix:{98}/a'",
    "public.listen = 'unix:{20}/b/../€ ü'\nops.listen = 'unix:{20}//./a'",
    "limits.headers = 4\nlimits.header_bytes = 256\nlimits.uri_bytes = 128",
    "limits.headers = 32768\nlimits.header_bytes = '16MiB'\nlimits.uri_bytes = 65534",
    "limits.body_bytes = 0\nlimits.connections = 1\nlimits.in_flight = 1\nlimits.http2_streams = 1",
    "limits.body_bytes = '1GiB'\nlimits.memory = 9223372036854775807\nlimits.connections = 1000000\n\
     limits.in_flight = 1000000\nlimits.http2_streams = 100000",
    "limits.body = '1ms'\nlimits.handler = '1ms'\nlimits.idle = '1ms'",
    "limits.first_byte = '1day'\nlimits.header = '1day'\nlimits.body = '1day'\nlimits.handler = '1day'\n\
     limits.idle = '1day'",
    "drain.delay = '0s'\ndrain.deadline = '0s'",
    "drain.delay = '1h'\ndrain.deadline = '1h'",
    "fanout.peers = ['http://nonexistent.invalid', 'http://[::1]:1/a/b']\nfanout.timeout = '1ms'\n\
     fanout.max_hops = 1",
    "fanout.timeout = '1day'\nfanout.max_hops = 32\nfanout.token = '!~'\nfanout.ca = '/nonexistent'",
    "api.token = '{x}'\nlimits.header_bytes = 256",
    "log.filter = ''",
    "log.filter = 'off,uecho[span{field=a}]=trace'",
    "log.filter = 'trace'\nlog.format = 'json'\nlog.access = 'all'\nlog.slow = '0s'",
    "log.format = 'auto'\nlog.slow = '1day'",
    "otlp.endpoint = 'https://127.0.0.1:1'\notlp.sample_ratio = 1\notlp.timeout = '1ms'",
    "otlp.endpoint = 'http://nonexistent.invalid/a/'\notlp.sample_ratio = 0.0\notlp.timeout = '1day'",
    "[otlp]\nendpoint = 'http://127.0.0.1:1'\nheaders = { host = 'a', content-length = '0', \
     connection = 'close', x = '' }",
];

/// Replaces the placeholders, in a new directory with the shortest path.
fn filled(toml: &str) -> (String, tempfile::TempDir) {
    let directory = tempfile::Builder::new().prefix("u").tempdir_in("/tmp").unwrap();
    let base = directory.path().to_str().unwrap();
    let mut filled = toml.replace("{x}", &"x".repeat(80));
    for length in [20, 98] {
        let path = format!("{base}/{}", "d".repeat(length - base.len() - 1));
        std::fs::create_dir_all(format!("{path}/b")).unwrap();
        filled = filled.replace(&format!("{{{length}}}"), &path);
    }
    (filled, directory)
}

#[test]
fn every_accepted_configuration_starts_answers_and_feeds_the_watchdog() {
    for toml in ACCEPTED {
        let (toml, _directory) = filled(toml);
        Sources::new().file(&toml).good();
        let mut builder = Builder::new().no_sockets().env("WATCHDOG_USEC", "20000000");
        for listen in ["public.listen", "ops.listen"] {
            if !toml.contains(listen) {
                builder = builder.config(&format!("{listen} = '127.0.0.1:0'\n"));
            }
        }
        let mut uecho = builder.config(&toml).start();
        // the service feeds the watchdog after a correct answer to its own check
        assert!(uecho.notify.wait_for("WATCHDOG=1"), "{toml}: {}", uecho.stderr());
    }
}

#[test]
fn configurations_that_could_not_serve_are_refused() {
    for (toml, said) in [
        ("public.listen = 'unix:{20}/xxxxxxx{x}'", "public.listen: the path has 108 bytes"),
        ("ops.listen = 'unix:{20}/{x}{x}'", "ops.listen: the path has 181 bytes"),
        ("public.listen = 'unix:{98}d/a'", "public.listen: the folder has 99 bytes"),
        ("public.listen = 'unix:/'", "public.listen: `unix:/` names no file"),
        ("public.listen = 'unix:/run/'", "public.listen: `unix:/run/` names no file"),
        ("public.listen = 'unix:/run/..'", "public.listen: `unix:/run/..` names no file"),
        (r#"public.listen = "unix:/run/a\u0000b""#, "public.listen: a path cannot have a NUL"),
        ("public.listen = '224.0.0.1:8080'", "public.listen: nobody can connect to 224.0.0.1"),
        ("ops.listen = '[ff02::1]:8080'", "ops.listen: nobody can connect to ff02::1"),
        ("ops.listen = '255.255.255.255:8080'", "ops.listen: nobody can connect to 255.255.255.255"),
        ("public.listen = '[fe80::1]:8080'", "public.listen: fe80::1 is on every link; add the number"),
        (
            "public.listen = '127.0.0.1:9'\nops.listen = '[::ffff:127.0.0.1]:9'",
            "ops.listen: \"[::ffff:127.0.0.1]:9\" is taken",
        ),
        ("instance = '{x}{x}{x}{x}'", "instance: expected at most 256 bytes, found 320"),
        ("system = '{x}{x}{x}{x}'", "system: expected at most 256 bytes, found 320"),
        (r#"current_system = "/a\u0000""#, "current_system: a path cannot have a NUL"),
        (r#"fanout.ca = "/a\u0000""#, "fanout.ca: a path cannot have a NUL"),
        ("limits.headers = 3", "limits.headers: expected a whole number from 4 to"),
        ("limits.uri_bytes = 127", "limits.uri_bytes: expected 128 to"),
        ("limits.header_bytes = 255", "limits.header_bytes: expected 256 to"),
        (
            "api.token = '{x}{x}{x}'\nlimits.header_bytes = 256",
            "api.token: does not fit into limits.header_bytes",
        ),
        ("limits.idle = '18446744073709551615s'", "limits.idle: expected 1day or less"),
        ("drain.delay = '18446744073709551616s'", "drain.delay: `18446744073709551616s` is not a duration"),
        ("limits.memory = '18446744073709551616'", "limits.memory: `18446744073709551616` is not a size"),
        (
            "limits.body_bytes = 18446744073709551615",
            "limits.body_bytes: 18446744073709551615 is out of range",
        ),
    ] {
        let (toml, _directory) = filled(toml);
        let problems = Sources::new().file(&toml).problems();
        assert!(problems.len() == 1 && problems[0].starts_with(said), "{toml}: {problems:?}");
    }
}
