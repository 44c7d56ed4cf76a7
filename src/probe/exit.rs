//! The exit codes of the programs, those of sysexits(3) where they fit.

/// The command line is unusable; clap uses this code.
pub const USAGE: u8 = 2;
/// The guard has quarantined the version.
pub const QUARANTINED: u8 = 6;
/// What was read is not what it must be (`EX_DATAERR`).
pub const DATA: u8 = 65;
/// A listener cannot be bound, or a deployment cannot begin (`EX_UNAVAILABLE`).
pub const UNAVAILABLE: u8 = 69;
/// A background task died, or something else happened that must not happen (`EX_SOFTWARE`).
pub const SOFTWARE: u8 = 70;
/// A file cannot be written (`EX_CANTCREAT`).
pub const CANNOT_CREATE: u8 = 73;
/// Another process has the lock (`EX_TEMPFAIL`).
pub const TEMPORARY: u8 = 75;
/// The configuration is unusable (`EX_CONFIG`).
pub const CONFIG: u8 = 78;
