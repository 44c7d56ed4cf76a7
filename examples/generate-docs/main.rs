//! Writes the documents that are derived from the program: `generate-docs OUTDIR` writes manual pages, shell
//! completions and the table of settings; `generate-docs --update docs/settings.md` updates that table in the
//! page.

mod man;
mod reference;
mod sections;

use std::{error::Error, fs, path::Path};

use clap::CommandFactory;
use clap_complete::Shell;

const USAGE: &str = "usage: generate-docs OUTDIR | --update FILE";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--update", file] => {
            let page = fs::read_to_string(file)?;
            Ok(fs::write(file, reference::in_page(&page, &reference::markdown()?)?)?)
        }
        [directory] if !directory.starts_with('-') => write(Path::new(directory)),
        _ => Err(USAGE.into()),
    }
}

fn write(directory: &Path) -> Result<(), Box<dyn Error>> {
    let completions = directory.join("completions");
    fs::create_dir_all(&completions)?;
    for (command, sections) in [
        (uecho::cli::Cli::command(), sections::uecho()),
        (uecho_guard::cli::Cli::command(), sections::uecho_guard()),
        (uecho_deploy::cli::Cli::command(), sections::uecho_deploy()),
        (uecho_pull::cli::Cli::command(), sections::uecho_pull()),
    ] {
        man::pages(command.clone(), &sections, &directory.join("man/man1"))?;
        let name = command.get_name().to_owned();
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            clap_complete::generate_to(shell, &mut command.clone(), &name, &completions)?;
        }
    }
    man::settings(&reference::rows()?, &directory.join("man/man5"))?;
    fs::write(directory.join("settings.md"), reference::markdown()?)?;
    Ok(())
}
