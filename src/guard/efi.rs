//! The firmware's variables of systemd's boot loader interface.

use std::{fs, io};

use crate::system::{Result, SystemError};

/// Where the variables are; the suffix is the vendor id of the boot loader interface.
const VARIABLES: &str = "/sys/firmware/efi/efivars";
const VENDOR: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

/// A variable of the boot loader interface, as text; `None` if it is not set.
///
/// # Errors
/// It exists and cannot be read.
pub(crate) fn variable(name: &str) -> Result<Option<String>> {
    let path = format!("{VARIABLES}/{name}-{VENDOR}");
    match fs::read(&path) {
        Ok(content) => Ok(Some(decode(&content))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SystemError(format!("{path}: {error}"))),
    }
}

/// Four bytes of attributes, then UTF-16, little-endian, ended by NUL.
fn decode(content: &[u8]) -> String {
    let (units, _) = content.get(4..).unwrap_or_default().as_chunks::<2>();
    let units: Vec<u16> =
        units.iter().map(|pair| u16::from_le_bytes(*pair)).take_while(|unit| *unit != 0).collect();
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_decoded() {
        let content = b"\x07\0\0\0n\0i\0x\0\0\0";
        assert_eq!(decode(content), "nix");
        assert_eq!(decode(b"\x07"), "");
    }
}
