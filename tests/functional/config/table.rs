//! Every setting with a value for each source, and the values that it must refuse.

/// The form of a setting's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    Text,
    Listen,
    Count,
    Size,
    Duration,
    Ratio,
    Urls,
    Url,
    Policy,
    Path,
    Secret,
    Secrets,
    Filter,
    Format,
    Access,
    Workers,
}

use Form::*;

/// Key, form, and TOML values for: a file, a later file, the environment, a credential. Each differs from its
/// neighbours and the first from the default; all are written as the settings print them.
pub const TABLE: &[(&str, Form, [&str; 4])] = &[
    ("message", Text, ["\"a\"", "\"b\"", "\"42\"", "\"true\""]),
    ("instance", Text, ["\"a\"", "\"b\"", "\"1.5\"", "\"[d]\""]),
    ("system", Text, ["\"a\"", "\"b\"", "\"26.05\"", "\"d\""]),
    ("current_system", Path, ["\"/a\"", "\"/b\"", "\"/c\"", "\"/d\""]),
    ("workers", Workers, ["1", "2", "3", "\"auto\""]),
    ("public.listen", Listen, ["\"127.0.0.1:1\"", "\"[::1]:2\"", "\"unix:/c\"", "\"0.0.0.0:4\""]),
    ("ops.listen", Listen, ["\"127.0.0.1:1\"", "\"[::1]:2\"", "\"unix:/c\"", "\"0.0.0.0:4\""]),
    ("limits.headers", Count, ["4", "5", "6", "7"]),
    ("limits.header_bytes", Size, ["\"1KiB\"", "\"1000\"", "\"1MiB\"", "\"4KiB\""]),
    ("limits.uri_bytes", Size, ["\"1KiB\"", "\"1000\"", "\"3KiB\"", "\"4KiB\""]),
    ("limits.body_bytes", Size, ["\"1KiB\"", "\"1000\"", "\"3MiB\"", "\"4KiB\""]),
    ("limits.memory", Size, ["\"32MiB\"", "\"33554433\"", "\"1GiB\"", "\"64MiB\""]),
    ("limits.first_byte", Duration, ["\"1s\"", "\"2ms\"", "\"3m\"", "\"4s\""]),
    ("limits.header", Duration, ["\"1s\"", "\"2ms\"", "\"3m\"", "\"4s\""]),
    ("limits.body", Duration, ["\"1s\"", "\"2ms\"", "\"3m\"", "\"4s\""]),
    ("limits.handler", Duration, ["\"1s\"", "\"2ms\"", "\"3m\"", "\"4s\""]),
    ("limits.idle", Duration, ["\"1s\"", "\"2ms\"", "\"3m\"", "\"4s\""]),
    ("limits.connections", Count, ["1", "2", "3", "4"]),
    ("limits.in_flight", Count, ["1", "2", "3", "4"]),
    ("limits.http2_streams", Count, ["1", "2", "3", "4"]),
    ("drain.delay", Duration, ["\"1s\"", "\"2ms\"", "\"3m\"", "\"1m 30s\""]),
    ("drain.deadline", Duration, ["\"1s\"", "\"2ms\"", "\"3m\"", "\"0s\""]),
    (
        "fanout.peers",
        Urls,
        ["[\"http://a:1\", \"http://b:1\"]", "[\"http://b:2\"]", "[\"https://c/d\"]", "[]"],
    ),
    ("fanout.policy", Policy, ["\"all\"", "{ quorum = 1 }", "\"any\"", "{ quorum = 1 }"]),
    ("fanout.timeout", Duration, ["\"1s\"", "\"2ms\"", "\"3m\"", "\"4s\""]),
    ("fanout.max_hops", Count, ["1", "2", "3", "4"]),
    ("fanout.ready_policy", Policy, ["\"all\"", "\"any\"", "{ quorum = 1 }", "\"best_effort\""]),
    ("fanout.ca", Path, ["\"/a\"", "\"/b\"", "\"/c\"", "\"/d\""]),
    ("fanout.token", Secret, ["\"a\"", "\"b\"", "\"42\"", "\"true\""]),
    ("api.token", Secret, ["\"a\"", "\"b\"", "\"42\"", "\"true\""]),
    ("log.filter", Filter, ["\"warn\"", "\"info,uecho=debug\"", "\"error\"", "\"off\""]),
    ("log.format", Format, ["\"text\"", "\"json\"", "\"auto\"", "\"json\""]),
    ("log.access", Access, ["\"all\"", "\"off\"", "\"errors\"", "\"off\""]),
    ("log.slow", Duration, ["\"2s\"", "\"2ms\"", "\"3m\"", "\"0s\""]),
    ("otlp.endpoint", Url, ["\"http://a:1\"", "\"https://b\"", "\"http://c/d\"", "\"http://[::1]:4318\""]),
    ("otlp.headers", Secrets, ["{ x = \"a\" }", "{ x = \"b\" }", "{ x = \"42\" }", "{ x = \"d\" }"]),
    ("otlp.sample_ratio", Ratio, ["0.5", "1.0", "0.25", "0.0"]),
    ("otlp.timeout", Duration, ["\"1s\"", "\"2ms\"", "\"3m\"", "\"4s\""]),
];

impl Form {
    /// TOML values of the wrong type or format, and a part of the error for each.
    pub fn wrong(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Workers => &[
                ("\"many\"", "expected \"auto\" or a number from 1 to 1024, found the string \"many\""),
                ("0", "expected \"auto\" or a number from 1 to 1024, found 0"),
                ("1025", "expected \"auto\" or a number from 1 to 1024, found 1025"),
                ("1.5", "expected \"auto\" or a number from 1 to 1024, found 1.5"),
            ],
            Text => &[("7", "expected a string, found 7"), ("[]", "expected a string, found a list")],
            Listen => &[("8080", "expected a string"), ("\"8080\"", "write \"127.0.0.1:8080\"")],
            Count => &[
                ("\"many\"", "expected a whole number, like 64, found the string \"many\""),
                ("-1", "expected a whole number, like 64, found -1"),
                ("1.5", "expected a whole number, like 64, found 1.5"),
                ("true", "expected a whole number, like 64, found true"),
                ("0", "expected a whole number from "),
            ],
            Size => {
                &[("true", "expected a number of bytes, like 8192"), ("\"1 cow\"", "write it like \"8192\"")]
            }
            Duration => &[
                ("2", "expected a duration"),
                ("\"2\"", "write it like"),
                ("\"25h\"", "or less, found 1day 1h"),
            ],
            Ratio => &[
                ("\"half\"", "expected a number, like 0.25"),
                ("1.5", "expected a number from 0.0"),
                ("nan", "expected a number from 0.0"),
            ],
            Urls => &[
                ("\"http://a:1\"", "expected a list, like [\"http://10.0.0.2:8080\"]"),
                ("[\"http://a:1\", 7]", "[1]: expected a string, found 7"),
                ("[\"http://a:1\", \"b\"]", "[1]: `b` has no scheme; write it like"),
            ],
            Url => &[("7", "expected a string"), ("\"ftp://a\"", "write it like \"http://10.0.0.2:8080\"")],
            Policy => &[
                ("\"most\"", "expected \"best_effort\", \"all\", \"any\" or { quorum = n }"),
                ("{ quorom = 1 }", "expected \"best_effort\", \"all\", \"any\" or { quorum = n }"),
                ("{ quorum = \"one\" }", "expected a whole number"),
                ("{}", "expected \"best_effort\", \"all\", \"any\" or { quorum = n }"),
                ("{ quorum = 9 }", "can never be met"),
                ("[]", "expected \"best_effort\", \"all\", \"any\" or { quorum = n }"),
            ],
            Path => &[("7", "expected"), ("\"relative\"", "must be an absolute path, like")],
            Secret => &[("7", "expected a string, found a number"), ("\"\"", "must not be empty")],
            Secrets => &[("\"x\"", "expected a table, like { name = \"value\" }, found a string")],
            Filter => &[("7", "expected a string, found 7"), ("\"uecho=loud\"", "write it like \"info\"")],
            Format => {
                &[("\"xml\"", "expected one of `auto`, `text`, `json`, found `xml`"), ("[]", "expected")]
            }
            Access => {
                &[("\"some\"", "expected one of `errors`, `all`, `off`, found `some`"), ("[]", "expected")]
            }
        }
    }

    /// Whether any text is a value of the right type.
    pub fn takes_any_text(self) -> bool {
        matches!(self, Text | Path | Secret | Filter | Url)
    }
}
