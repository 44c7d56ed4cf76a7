//! The kernel command line in a unified kernel image.

use std::{fs::File, io, path::Path};

use object::{
    LittleEndian,
    pe::ImageNtHeaders64,
    read::{ReadCache, pe::PeFile},
};

/// Longest command line that is read, in bytes.
const LONGEST: u32 = 64 * 1024;

/// Reads the section `.cmdline` of a PE file, and besides only the headers; `None` if there is no such
/// section, or the file is no PE file.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn command_line(path: &Path) -> io::Result<Option<String>> {
    let file = ReadCache::new(File::open(path)?);
    let Ok(image) = PeFile::<ImageNtHeaders64, _>::parse(&file) else { return Ok(None) };
    let section = image.section_table().iter().find(|section| section.raw_name() == b".cmdline");
    let Some(section) = section else { return Ok(None) };
    if section.virtual_size.get(LittleEndian) > LONGEST {
        return Ok(None);
    }
    let text = section.pe_data(&file).ok().map(|text| {
        // the file is padded to whole blocks
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(text).trim().to_owned()
    });
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PE file with nothing but a `.cmdline`.
    fn image(command_line: &str) -> Vec<u8> {
        let mut image = vec![0; 0x400];
        let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"MZ");
        put(0x3c, &0x80_u32.to_le_bytes());
        put(0x80, b"PE\0\0");
        put(0x84, &0x8664_u16.to_le_bytes()); // machine
        put(0x86, &1_u16.to_le_bytes()); // sections
        put(0x94, &112_u16.to_le_bytes()); // size of the optional header
        put(0x98, &0x20b_u16.to_le_bytes());
        let section = 0x98 + 112;
        put(section, b".cmdline");
        put(section + 8, &u32::try_from(command_line.len()).unwrap().to_le_bytes());
        put(section + 16, &0x200_u32.to_le_bytes());
        put(section + 20, &0x200_u32.to_le_bytes());
        put(0x200, command_line.as_bytes());
        image
    }

    #[test]
    fn the_command_line_is_read_and_nothing_else_is_taken_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.efi");
        std::fs::write(&path, image("root=tmpfs usrhash=ab\n")).unwrap();
        assert_eq!(command_line(&path).unwrap().as_deref(), Some("root=tmpfs usrhash=ab"));
        let other: Vec<u8> = image("x").iter().map(|byte| if *byte == b'.' { b',' } else { *byte }).collect();
        for content in [&b""[..], b"no image", &image("x")[..0x90], &image("x")[..0x180], &other] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(command_line(&path).unwrap(), None, "{} bytes", content.len());
        }
        assert!(command_line(&folder.path().join("none")).is_err());
    }
}
