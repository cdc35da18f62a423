//! What can be typed.

use super::computing::Computing;
use crate::export::Quality;
use crate::project::DRAFT_STUDIO;
use crate::writer::ScriptFormat;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Turn one sentence into a consistent multi-scene film, on your own machine.
///
/// Without a command the window opens, on PROJECT if one is given.
#[derive(Debug, Parser)]
#[command(name = "reelboard", version, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub struct Args {
    /// A .reel folder to open in the window.
    pub project: Option<PathBuf>,
    /// What to do instead of opening the window.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do without a window.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write, draw and export a film of one sentence. Its project stays beside the film.
    Film {
        /// The film in one sentence.
        premise: String,
        /// The film to write, such as cake.mp4; the project becomes cake.reel.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        /// How the script is written.
        writing: Writing,
        /// How everything should look, such as "watercolour".
        #[arg(long, default_value = "")]
        style: String,
        /// The studio that renders, as in models.ron.
        #[arg(long, default_value = DRAFT_STUDIO, value_name = "NAME")]
        studio: String,
        #[command(flatten)]
        /// How its networks compute.
        computing: Computing,
        #[command(flatten)]
        /// How the film is encoded.
        encoding: Encoding,
    },
    /// Make a project: empty, of a script, or the example film.
    New {
        /// The folder to make, such as cake.reel.
        project: PathBuf,
        /// The film in one sentence.
        #[arg(long, default_value = "")]
        premise: String,
        /// How everything should look, such as "watercolour".
        #[arg(long, default_value = "")]
        style: String,
        /// Start from the example film instead.
        #[arg(long, conflicts_with_all = ["premise", "style", "script"])]
        example: bool,
        /// Make its scenes of a script file (- for standard input), as "import" does.
        #[arg(long, value_name = "FILE")]
        script: Option<PathBuf>,
        /// The script's format, where content and name do not tell it: fountain, fdx, csv, text or brackets.
        #[arg(long, value_name = "NAME", requires = "script")]
        format: Option<ScriptFormat>,
    },
    /// Take a script into a project: a Fountain or Final Draft screenplay, a shot list (CSV), a text, or the bracket format.
    ///
    /// What had to be mended is said on standard error, line by line.
    Import {
        /// The script (- for standard input). Its content tells the format where it is unmistakable, else its name.
        file: PathBuf,
        /// The project's folder.
        #[arg(required_unless_present = "compat")]
        project: Option<PathBuf>,
        /// The format: fountain, fdx, csv, text or brackets.
        #[arg(long, value_name = "NAME", conflicts_with = "compat")]
        format: Option<ScriptFormat>,
        /// Keep the scenes that there are and add the script's after them, in place of replacing them.
        #[arg(long)]
        append: bool,
        #[command(flatten)]
        /// The original's parser.
        compat: Compat,
    },
    /// Export a project's script: a screenplay, a shot list, a text, or the bracket format.
    Script {
        /// The project's folder.
        project: PathBuf,
        /// The file to write; its ending (.fountain, .fdx, .csv, .txt, .steps) tells the format. Standard output without it.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// The format: fountain, fdx, csv, text or brackets.
        #[arg(long, value_name = "NAME")]
        format: Option<ScriptFormat>,
    },
    /// Write the script of a project, in place of the scenes it has.
    Write {
        /// The project's folder.
        project: PathBuf,
        #[command(flatten)]
        /// How the script is written.
        writing: Writing,
        /// Make the scenes of this text file instead (- for standard input); needs no model.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["scenes", "writer", "temperature", "top_p", "repetition"])]
        text: Option<PathBuf>,
    },
    /// Give a character, thing or place a photo; a character or thing is cut out of it.
    Photo {
        /// The project's folder.
        project: PathBuf,
        /// The name, exactly as the scenes spell it.
        name: String,
        /// The photo: PNG, JPEG or WebP.
        photo: PathBuf,
    },
    /// Render scenes with a studio and keep the results as takes. What is finished already is not made again.
    Render {
        /// The project's folder.
        project: PathBuf,
        /// Scenes to render, such as 1,3-5; all without it.
        #[arg(long, value_name = "LIST", value_parser = parse_scene_list)]
        scenes: Option<SceneList>,
        /// The studio to render with from now on, as in models.ron; the project's without it.
        #[arg(long, value_name = "NAME")]
        studio: Option<String>,
        /// Only the pictures of recurring characters and places (references), only the scenes' pictures (stills), or only
        /// what sets those in motion (clips); all without it, as far as the studio goes.
        #[arg(long, value_name = "STAGE")]
        stage: Option<Stage>,
        /// Denoising steps of references and stills from now on; fewer are faster and rougher.
        #[arg(long, value_name = "N")]
        steps: Option<u32>,
        #[command(flatten)]
        /// How its networks compute.
        computing: Computing,
        #[command(flatten)]
        /// How clips are made from now on.
        clip: ClipOptions,
        /// Only say what it would need: files, disk, memory and time.
        #[arg(long)]
        dry_run: bool,
    },
    /// Show or change what waits to be rendered in a project, after a pause or since the program was ended.
    Queue {
        /// The project's folder.
        project: PathBuf,
        /// What to change; only shows the queue without it. Numbers are those that are shown.
        #[command(subcommand)]
        change: Option<QueueCommand>,
    },
    /// Show or empty the cache of results that renders use again.
    Cache {
        /// What to do.
        #[command(subcommand)]
        action: CacheCommand,
    },
    /// Export a project's film.
    Export {
        /// The project's folder.
        project: PathBuf,
        /// The film to write.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        /// How the film is encoded.
        encoding: Encoding,
    },
    /// Print what is in a project.
    Show {
        /// The project's folder.
        project: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Render on a cluster, see how far it is, and take the results in.
    Farm(super::farm::FarmArgs),
    /// See or copy the texts that the writer is told, to make your own of them.
    Prompts(super::prompts::PromptsArgs),
    /// List, fetch, check or remove models.
    Models(super::models::ModelsArgs),
    /// Tell what this machine has, what is missing, and what to do.
    Doctor {
        #[command(flatten)]
        /// What shall be computed with; only looked at.
        computing: Computing,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// The parser of the released VideoStudio code.
#[derive(Debug, Clone, clap::Args)]
pub struct Compat {
    /// Read a planner's answer as the released VideoStudio code does: say what it accepts, fail on what it rejects.
    #[arg(long)]
    pub compat: bool,
    /// Which attempt of its five this is; from the fourth on the word "camera" is allowed.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "compat", value_parser = clap::value_parser!(u32).range(1..=5))]
    pub attempt: u32,
}

/// A change to a project's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum QueueCommand {
    /// Leave a render out when the others go on in the window, or all.
    Pause {
        /// Which one; all without it.
        number: Option<usize>,
    },
    /// Take a pause back, or all. "reelboard render" goes on with them, and so does the window.
    Resume {
        /// Which one; all without it.
        number: Option<usize>,
    },
    /// Forget a render and what was made of it so far, or all.
    Cancel {
        /// Which one; all without it.
        number: Option<usize>,
    },
    /// Give a render another place.
    Move {
        /// Which one.
        number: usize,
        /// Its new number; 1 comes first.
        to: usize,
    },
}

/// What to do with the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum CacheCommand {
    /// Where it is, what it holds, and the most that it takes.
    Show,
    /// Remove everything in it. What is needed is worked out again.
    Clear,
}

/// A part of rendering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Stage {
    /// Pictures of recurring characters, things and places.
    References,
    /// Pictures of scenes.
    Stills,
    /// The frames of scenes.
    Clips,
}

/// How clips are made from now on.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ClipOptions {
    /// Denoising steps of clips from now on.
    #[arg(long, value_name = "N")]
    pub clip_steps: Option<u32>,
    /// Frames of a clip from now on; the film spreads them over the scene.
    #[arg(long, value_name = "N")]
    pub frames: Option<u32>,
    /// The step after which the camera begins to move, from now on; earlier steps are not redone for another movement.
    #[arg(long, value_name = "N")]
    pub camera_from: Option<u32>,
}

/// How a script is written.
#[derive(Debug, Clone, clap::Args)]
pub struct Writing {
    /// Number of scenes, from 4 to 10; without it the writer chooses from 5 to 7.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(4..=10))]
    pub scenes: Option<u32>,
    /// The same seed gives the same script.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// The writer's id in `models list`; without it the best one that fits this machine.
    #[arg(long, value_name = "ID")]
    pub writer: Option<String>,
    /// How boldly it is written: 0 always takes the likeliest word, 1 is bold, at most 2; the writer's own without it.
    #[arg(long, value_name = "X")]
    pub temperature: Option<f32>,
    /// Only the likeliest words that make up this share are considered, from 0.05 to 1; the writer's own without it.
    #[arg(long, value_name = "X")]
    pub top_p: Option<f32>,
    /// How strongly words of earlier scenes are avoided, names aside, from 1 (not at all) to 2; the writer's own without it.
    #[arg(long, value_name = "X")]
    pub repetition: Option<f32>,
}

/// How a film is encoded.
#[derive(Debug, Clone, clap::Args)]
pub struct Encoding {
    /// Pixels, such as 1920x1080; the project's without it.
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    pub size: Option<[u32; 2]>,
    /// Frames per second; the project's without it.
    #[arg(long, value_name = "N")]
    pub fps: Option<u32>,
    /// small, standard or high.
    #[arg(long, value_name = "NAME", default_value = "standard", value_parser = parse_quality)]
    pub quality: Quality,
}

/// Scene numbers as typed: from 1, in order, without repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SceneList(pub Vec<usize>);

/// Reads a list of scene numbers such as `1,3-5`.
pub fn parse_scene_list(text: &str) -> Result<SceneList, String> {
    let mut numbers = Vec::new();
    for part in text.split(',').map(str::trim) {
        let number = |text: &str| match text.trim().parse::<usize>() {
            Ok(n) if (1..=10_000).contains(&n) => Ok(n),
            _ => Err(format!("\"{part}\" is not a scene number or a range such as 3-5")),
        };
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(part)?, number(part)?),
        };
        if first > last {
            return Err(format!("the range {part} runs backwards"));
        }
        numbers.extend(first..=last);
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(SceneList(numbers))
}

fn parse_size(text: &str) -> Result<[u32; 2], String> {
    let parts = text.split_once(['x', 'X', '×']).and_then(|(w, h)| Some([w.parse().ok()?, h.parse().ok()?]));
    parts.ok_or_else(|| format!("\"{text}\" is not a size such as 1920x1080"))
}

fn parse_quality(text: &str) -> Result<Quality, String> {
    let found = Quality::ALL.into_iter().find(|quality| quality.as_str() == text);
    found.ok_or_else(|| format!("\"{text}\" is not one of small, standard, high"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scene_lists_are_numbers_and_ranges() {
        assert_eq!(parse_scene_list("1,3-5, 3").unwrap().0, [1, 3, 4, 5]);
        for bad in ["", "0", "5-3", "a", "1,,2", "1-", "99999999999"] {
            assert!(parse_scene_list(bad).is_err(), "{bad}");
        }
    }
}
