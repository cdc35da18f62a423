//! `reelboard prompts`: the texts that the writer is told, and copies of them to change.

use crate::writer::{PROMPT_FILES, Prompts, user_prompt_folder};
use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Arguments of `reelboard prompts`.
#[derive(Debug, Args)]
pub struct PromptsArgs {
    #[command(subcommand)]
    command: PromptsCommand,
}

#[derive(Debug, Subcommand)]
enum PromptsCommand {
    /// List the texts, what each is for, and which of them are your own
    List,
    /// Print one of them as the writer uses it, or all
    Show {
        /// Its name in the list
        name: Option<String>,
    },
    /// Copy the built-in texts to a folder, where you can change them; files that are there already stay
    Export {
        /// The folder; without it your own prompt folder, from which the writer takes them
        folder: Option<PathBuf>,
    },
}

/// Does what was asked.
pub fn run(args: &PromptsArgs) -> Result<()> {
    match &args.command {
        PromptsCommand::List => out(&list()?),
        PromptsCommand::Show { name } => out(&show(name.as_deref())?),
        PromptsCommand::Export { folder } => {
            let folder = match folder {
                Some(folder) => folder.clone(),
                None => user_prompt_folder().context("there is no config folder; name a folder")?,
            };
            export(&folder)
        }
    }
}

fn prompts() -> Result<Prompts> {
    Ok(match user_prompt_folder() {
        Some(folder) => Prompts::with_own(&folder)?,
        None => Prompts::builtin(),
    })
}

fn list() -> Result<String> {
    let prompts = prompts()?;
    let mut text = String::new();
    for file in &PROMPT_FILES {
        let own = prompts.own_files().iter().any(|path| path.ends_with(file.name));
        let placeholders: Vec<String> = file.needs.iter().chain(file.may).map(|name| format!("{{{name}}}")).collect();
        write!(text, "{:26}  {}", file.name, file.about)?;
        if !placeholders.is_empty() {
            write!(text, "; {}", placeholders.join(" "))?;
        }
        writeln!(text, "{}", if own { "; your own" } else { "" })?;
    }
    if let Some(folder) = user_prompt_folder() {
        writeln!(text, "\nFiles of these names in {} replace the built-in ones.", folder.display())?;
    }
    Ok(text)
}

fn show(name: Option<&str>) -> Result<String> {
    let prompts = prompts()?;
    let Some(name) = name else {
        return Ok(PROMPT_FILES
            .iter()
            .map(|file| format!("# {}\n{}\n\n", file.name, prompts.text(file.name)))
            .collect());
    };
    let known = PROMPT_FILES.iter().find(|file| file.name == name || file.name.strip_suffix(".txt") == Some(name));
    match known {
        Some(file) => Ok(format!("{}\n", prompts.text(file.name))),
        None => {
            let names: Vec<&str> = PROMPT_FILES.iter().map(|file| file.name).collect();
            bail!("there is no prompt \"{name}\"; there are: {}", names.join(", "))
        }
    }
}

fn export(folder: &Path) -> Result<()> {
    let failed = |path: &Path| format!("cannot write {}", path.display());
    std::fs::create_dir_all(folder).with_context(|| failed(folder))?;
    for file in &PROMPT_FILES {
        let path = folder.join(file.name);
        match std::fs::File::create_new(&path) {
            Ok(mut new) => {
                new.write_all(file.text.as_bytes()).with_context(|| failed(&path))?;
                println!("{}", path.display());
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                eprintln!("{} is there already and stays", path.display());
            }
            Err(error) => return Err(error).with_context(|| failed(&path)),
        }
    }
    Ok(())
}

fn out(text: &str) -> Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
