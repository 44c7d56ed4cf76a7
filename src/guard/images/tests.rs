//! Which version the next boot starts, what is whole, and what an update has left behind.

use uuid::Uuid;

use super::{
    entry::{Counter, good_name},
    *,
};

const TYPES: [u128; 2] = [0xa, 0xb];
const PARTIAL: u128 = 0xdc;

fn v(version: &str) -> Version {
    Version::new(version)
}

/// A root hash that names two partitions after a number.
fn hash(number: u8) -> RootHash {
    RootHash::parse(&format!("{:032x}{:032x}", u128::from(number) * 2, u128::from(number) * 2 + 1)).unwrap()
}

fn entry(version: &str, counter: Option<(u32, u32)>, number: u8) -> Entry {
    let counter = counter.map(|(left, done)| Counter { left, done });
    Entry { version: v(version), counter, usrhash: Some(hash(number)), file: good_name(&v(version)) }
}

fn slot(version: &str, number: u8, types: [u128; 2]) -> [Partition; 2] {
    [(Kind::Store, ""), (Kind::Verity, "_verity")].map(|(kind, suffix)| Partition {
        number: u32::from(number) * 2 + u32::from(kind == Kind::Verity),
        type_id: Uuid::from_u128(types[usize::from(kind == Kind::Verity)]),
        id: hash(number).partition(kind),
        label: format!("uecho_{version}{suffix}"),
    })
}

/// 1.0 runs; 1.1 is in the other slot.
fn images(counter: Option<(u32, u32)>) -> Images {
    Images {
        entries: vec![entry("1.0", None, 1), entry("1.1", counter, 2)],
        partitions: [slot("1.0", 1, TYPES), slot("1.1", 2, TYPES)].concat(),
        running: Some(hash(1)),
        ..Images::default()
    }
}

#[test]
fn the_highest_version_with_boots_left_is_next_unless_something_else_is_asked_for() {
    assert_eq!(images(None).next(), Some(&v("1.1")));
    assert_eq!(images(Some((1, 2))).next(), Some(&v("1.1")));
    assert_eq!(images(Some((0, 3))).next(), Some(&v("1.0")));
    let asked = |preferred: Option<&str>, default: Option<&str>, oneshot: Option<&str>, counter| {
        let [preferred, default, oneshot] = [preferred, default, oneshot].map(|version| version.map(v));
        let images = Images { preferred, default, oneshot, ..images(counter) };
        (images.next().cloned().unwrap(), images.lasting().cloned().unwrap())
    };
    let used_up = Some((0, 3));
    assert_eq!(asked(Some("1.0"), None, None, None), (v("1.0"), v("1.0")));
    assert_eq!(asked(Some("1.1"), None, None, used_up), (v("1.0"), v("1.0")));
    assert_eq!(asked(None, Some("1.1"), None, used_up), (v("1.1"), v("1.1")));
    assert_eq!(asked(Some("1.0"), Some("1.1"), None, used_up), (v("1.0"), v("1.0")));
    assert_eq!(asked(None, None, Some("1.1"), used_up), (v("1.1"), v("1.0")));
    assert_eq!(asked(Some("9"), Some("9"), Some("9"), None), (v("1.1"), v("1.1")));
    // all used up: the boot loader starts one all the same
    let mut all_bad = images(used_up);
    all_bad.entries[0].counter = Some(Counter { left: 0, done: 1 });
    assert_eq!(all_bad.next(), Some(&v("1.1")));
    assert_eq!(Images::default().next(), None);
}

#[test]
fn a_version_with_two_names_is_what_the_better_one_says_to_the_boot_loader() {
    let mut cut = images(Some((0, 1)));
    cut.entries.push(entry("1.1", Some((1, 1)), 2));
    assert!(cut.is_used_up(&v("1.1")) && cut.may_boot(&v("1.1")));
    assert_eq!((cut.next(), cut.tries_left(&v("1.1"))), (Some(&v("1.1")), Some(1)));
    assert_eq!(cut.versions(), [&v("1.1"), &v("1.0")]);
}

#[test]
fn a_version_is_whole_with_its_entry_and_both_partitions_of_the_final_types() {
    let good = images(None);
    assert!(good.is_whole(&v("1.0")) && good.is_whole(&v("1.1")) && !good.is_whole(&v("1.2")));
    for broken in 0..5 {
        let mut images = images(None);
        match broken {
            0 => images.partitions[2].type_id = Uuid::from_u128(PARTIAL),
            1 => drop(images.partitions.pop()),
            2 => drop(images.entries.pop()),
            3 => images.partitions[2].label = partition::EMPTY.into(),
            _ => images.entries[1].usrhash = None,
        }
        assert!(images.is_whole(&v("1.0")) && !images.is_whole(&v("1.1")), "{broken}");
    }
    assert!(!Images { running: None, ..good }.is_whole(&v("1.0")));
}

#[test]
fn partitions_without_an_entry_or_of_another_type_are_stranded_and_never_those_that_run() {
    let numbers = |images: &Images| -> Vec<u32> {
        images.stranded().iter().map(|(partition, _)| partition.number).collect()
    };
    assert!(numbers(&images(None)).is_empty());
    assert!(numbers(&images(Some((0, 3)))).is_empty());
    // both are there with their final types, and the power was cut before the entry was
    let mut cut = images(None);
    cut.entries.pop();
    let found: Vec<_> = cut.stranded().into_iter().map(|(partition, id)| (partition.number, id)).collect();
    assert_eq!(found, [(4, Uuid::from_u128(TYPES[0])), (5, Uuid::from_u128(TYPES[1]))]);
    // half written, beside the entry of the version that was there before
    let mut half = images(None);
    half.partitions[2].type_id = Uuid::from_u128(PARTIAL);
    half.partitions[2].label = "uecho_1.2".into();
    assert_eq!(numbers(&half), [4]);
    // an entry that cannot be read may need it
    let mut unknown = images(None);
    unknown.entries[1].usrhash = None;
    assert!(numbers(&unknown).is_empty());
    // of no slot, or free
    let mut free = images(None);
    free.partitions[2].label = partition::EMPTY.into();
    free.partitions[3].label = "var".into();
    assert!(numbers(&free).is_empty());
    // what runs stays, whatever the boot partition says
    let mut running = images(None);
    running.entries.clear();
    assert_eq!(numbers(&running), [4, 5]);
    running.running = None;
    assert!(numbers(&running).is_empty());
}
