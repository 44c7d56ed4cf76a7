//! systemd credentials as a source: files `$CREDENTIALS_DIRECTORY/<section>.<key>` (`LoadCredential=`,
//! systemd.exec(5)).

use std::{fs::File, io::Read, path::Path};

use crate::config::{
    assignment::{Assignment, Source},
    did_you_mean,
    invalid::Invalid,
    keys,
    surroundings::Surroundings,
    text,
};

/// The largest value; systemd itself allows 1 MiB, but no setting needs it.
const MOST_BYTES: u64 = 64 << 10;

/// Reads all credentials whose name is, or begins with, one of our sections or top-level keys. Others belong
/// to another program; a name that looks like a typing error gets a warning.
pub(super) fn read(
    surroundings: &Surroundings,
    warnings: &mut Vec<String>,
    invalid: &mut Vec<Invalid>,
) -> Vec<Assignment> {
    let Some(directory) = surroundings.variable("CREDENTIALS_DIRECTORY").map(Path::new) else {
        return Vec::new();
    };
    let names = match names(directory) {
        Ok(names) => names,
        Err(error) => {
            let place = directory.display();
            invalid.push(Invalid::whole(format!("cannot read the credentials directory {place}: {error}")));
            return Vec::new();
        }
    };
    let mut assignments = Vec::new();
    for name in names {
        let path = name.split('.').map(str::to_owned).collect::<Vec<_>>();
        if !keys::is_ours(&path) {
            warnings.extend(
                did_you_mean::nearest(&path).into_iter().next().map(|key| {
                    format!("credential {name}: ignored, it is no setting; did you mean `{key}`?")
                }),
            );
            continue;
        }
        let source = Source::Credential(name.clone());
        match value(&directory.join(&name)) {
            Ok(value) => {
                assignments.extend(text::assignments(path, value.trim_end_matches(['\r', '\n']), source));
            }
            Err(error) => invalid.push(Invalid::of(name, error).given_by(source)),
        }
    }
    assignments
}

/// Names of the files, sorted.
fn names(directory: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for item in directory.read_dir()? {
        names.extend(item?.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

fn value(path: &Path) -> Result<String, String> {
    let unreadable = |error| format!("cannot be read: {error}");
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err("larger than 64 KiB".into());
    }
    String::from_utf8(bytes).map_err(|_| "not valid UTF-8".into())
}
