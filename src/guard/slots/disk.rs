//! The partition table of the disk with the slots, read and written with the `gptman` crate: no program of
//! another package is needed, it keeps the numbers of partitions, and an image in a file is a disk as well.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use gptman::{GPT, GPTPartitionEntry};
use uuid::Uuid;

use crate::{
    images::partition::{EMPTY, Partition},
    system::{Result, SystemError},
};

fn failed(disk: &Path, error: &dyn std::fmt::Display) -> SystemError {
    SystemError(format!("partition table of {}: {error}", disk.display()))
}

/// The whole disk that contains a folder.
///
/// # Errors
/// The folder is not on a partition of a disk.
pub(crate) fn of_folder(folder: &Path) -> Result<PathBuf> {
    let device = fs::metadata(folder).map_err(|error| SystemError::file(folder, &error))?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let partition = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")).ok();
    let disk = partition.filter(|path| path.join("partition").exists());
    let name =
        disk.as_deref().and_then(Path::parent).and_then(Path::file_name).and_then(|name| name.to_str());
    name.map(|name| Path::new("/dev").join(name.replace('!', "/"))).ok_or_else(|| {
        SystemError(format!(
            "{} is not on a partition of a disk: mount the boot partition there, or set slots.disk",
            folder.display()
        ))
    })
}

/// The device of a partition.
#[must_use]
pub(crate) fn device(disk: &Path, number: u32) -> PathBuf {
    let disk = disk.to_string_lossy();
    let divider = if disk.ends_with(|last: char| last.is_ascii_digit()) { "p" } else { "" };
    format!("{disk}{divider}{number}").into()
}

/// All partitions of a disk.
///
/// # Errors
/// The disk cannot be read, or has no GPT.
pub(crate) fn partitions(disk: &Path) -> Result<Vec<Partition>> {
    let mut file = File::open(disk).map_err(|error| failed(disk, &error))?;
    let table = GPT::find_from(&mut file).map_err(|error| failed(disk, &error))?;
    let used = table.iter().filter(|(_, entry)| entry.is_used());
    Ok(used.map(|(number, entry)| partition(number, entry)).collect())
}

fn partition(number: u32, entry: &GPTPartitionEntry) -> Partition {
    Partition {
        number,
        type_id: Uuid::from_bytes_le(entry.partition_type_guid),
        id: Uuid::from_bytes_le(entry.unique_partition_guid),
        label: entry.partition_name.as_str().into(),
    }
}

/// Frees a partition if it has not changed since it was read: it gets the label `_empty` and this type.
///
/// # Errors
/// It has changed, or the disk cannot be written.
pub(crate) fn empty(disk: &Path, seen: &Partition, type_id: Uuid) -> Result<()> {
    let broken = |error: &dyn std::fmt::Display| failed(disk, error);
    let mut file = File::options().read(true).write(true).open(disk).map_err(|error| broken(&error))?;
    // udev does not read a locked disk, and reads it again when it is closed
    file.lock().map_err(|error| broken(&error))?;
    let mut table = GPT::find_from(&mut file).map_err(|error| broken(&error))?;
    let found = table.iter().any(|(number, entry)| partition(number, entry) == *seen);
    if !found {
        return Err(broken(&format!("partition {} has changed meanwhile", seen.number)));
    }
    table[seen.number].partition_name = EMPTY.into();
    table[seen.number].partition_type_guid = type_id.to_bytes_le();
    write(&mut table, &mut file).map_err(|error| broken(&error))
}

/// Writes the two copies of the table one after the other, first the one that was not read, so that one of
/// them is complete at any time.
fn write(table: &mut GPT, file: &mut File) -> gptman::Result<()> {
    let entries: Vec<_> = table.iter().map(|(_, entry)| entry.clone()).collect();
    let sector = table.sector_size;
    let header = &mut table.header;
    let mut other = header.clone();
    (other.primary_lba, other.backup_lba) = (header.backup_lba, header.primary_lba);
    other.partition_entry_lba = if header.is_primary() { header.last_usable_lba + 1 } else { 2 };
    other.write_into(file, sector, &entries)?;
    file.sync_all()?;
    header.write_into(file, sector, &entries)?;
    file.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom, Write};

    use super::*;

    const SECTOR: u64 = 512;

    fn disk() -> (tempfile::NamedTempFile, Vec<Partition>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(2048 * SECTOR).unwrap();
        let mut table = GPT::new_from(file.as_file_mut(), SECTOR, [7; 16]).unwrap();
        // with a gap: numbers must stay what they are
        for (number, label) in [(1, "esp"), (2, "uecho_1_verity"), (3, "uecho_1"), (5, "uecho_2")] {
            let start = u64::from(number) * 100;
            table[number] = GPTPartitionEntry {
                partition_type_guid: [u8::try_from(number).unwrap(); 16],
                unique_partition_guid: [u8::try_from(number).unwrap() + 100; 16],
                starting_lba: start,
                ending_lba: start + 50,
                attribute_bits: 1 << 60,
                partition_name: label.into(),
            };
        }
        table.write_into(file.as_file_mut()).unwrap();
        let partitions = partitions(file.path()).unwrap();
        (file, partitions)
    }

    fn wipe(file: &tempfile::NamedTempFile, sector: SeekFrom) {
        let mut file = file.as_file();
        file.seek(sector).unwrap();
        file.write_all(&[0; 512]).unwrap();
    }

    #[test]
    fn one_partition_is_freed_and_nothing_else_changes_in_either_copy() {
        let (file, before) = disk();
        let numbers: Vec<_> = before.iter().map(|partition| partition.number).collect();
        assert_eq!(numbers, [1, 2, 3, 5]);
        let type_id = Uuid::from_u128(0x8484_680c_9521_48c6_9c11_b072_0656_f69e);
        empty(file.path(), &before[3], type_id).unwrap();
        let mut expected = before.clone();
        (expected[3].label, expected[3].type_id) = (EMPTY.into(), type_id);
        assert_eq!(partitions(file.path()).unwrap(), expected);
        let attributes = GPT::find_from(&mut file.reopen().unwrap()).unwrap()[5].attribute_bits;
        assert_eq!(attributes, 1 << 60);
        // the copy at the end alone says the same, and is enough to write both again
        wipe(&file, SeekFrom::Start(SECTOR));
        assert_eq!(partitions(file.path()).unwrap(), expected);
        empty(file.path(), &expected[2], type_id).unwrap();
        (expected[2].label, expected[2].type_id) = (EMPTY.into(), type_id);
        wipe(&file, SeekFrom::End(-512));
        assert_eq!(partitions(file.path()).unwrap(), expected);
    }

    #[test]
    fn a_partition_that_is_another_one_by_now_is_left_alone() {
        let (file, before) = disk();
        let mut other = before[3].clone();
        other.label = "uecho_3".into();
        let error = empty(file.path(), &other, Uuid::nil()).unwrap_err();
        assert!(error.0.contains("partition 5 has changed"), "{error}");
        assert_eq!(partitions(file.path()).unwrap(), before);
    }

    #[test]
    fn what_is_no_disk_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_string_lossy();
        assert!(partitions(file.path()).unwrap_err().0.contains(&*path));
        assert!(of_folder(Path::new("/proc")).unwrap_err().0.contains("slots.disk"));
        for (disk, expected) in [("/dev/vda", "/dev/vda5"), ("/dev/nvme0n1", "/dev/nvme0n1p5")] {
            assert_eq!(device(Path::new(disk), 5), Path::new(expected));
        }
    }
}
