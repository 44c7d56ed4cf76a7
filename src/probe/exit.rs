//! Exit codes of both programs, the sysexits(3) ones where they fit.

/// The command line is unusable, as clap has it.
pub const USAGE: u8 = 2;
/// A listener cannot be bound (`EX_UNAVAILABLE`).
pub const CANNOT_BIND: u8 = 69;
/// A background task died, or something else that should not happen did (`EX_SOFTWARE`).
pub const SOFTWARE: u8 = 70;
/// Another process is at it (`EX_TEMPFAIL`).
pub const TEMPORARY: u8 = 75;
/// The configuration is unusable (`EX_CONFIG`).
pub const CONFIG: u8 = 78;
