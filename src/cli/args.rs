//! What can be typed.

use super::computing::Computing;
use crate::export::Quality;
use crate::models::parse_bytes;
use crate::project::{CameraMode, ClipSettings, DRAFT_STUDIO, StillSettings};
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
        #[arg(long, value_name = "FILE", conflicts_with_all = ["scenes", "writer", "any_host", "temperature", "top_p", "repetition"])]
        text: Option<PathBuf>,
    },
    /// Revise a script: rewrite, insert, split or merge scenes, go on with the story, rename, describe again.
    ///
    /// What would change is shown first, word by word. Locked scenes are left alone.
    Revise(super::revise::ReviseArgs),
    /// Remark on a script: repeated scenes, names that are not seen, needless changes of place, pronouns, a monotonous
    /// camera. Needs no model.
    Check(super::revise::CheckArgs),
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
        /// Denoising steps of references and stills from now on, in the project and in rendered scenes that have settings
        /// of their own; fewer are faster and rougher.
        #[arg(long, value_name = "N")]
        steps: Option<u32>,
        /// Give each scene new seeds and render N takes of it (1 without N). The film uses the first of them; more than one
        /// are stills.
        #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1", conflicts_with_all = ["stage", "dry_run"],
              value_parser = clap::value_parser!(u32).range(1..=64))]
        vary: Option<u32>,
        #[command(flatten)]
        /// How its networks compute.
        computing: Computing,
        #[command(flatten)]
        /// How clips are made from now on.
        clip: ClipOptions,
        /// Only say what it would need: files, disk, memory and time.
        #[arg(long)]
        dry_run: bool,
        /// With --dry-run: as if the processor had this much memory free, such as 16GB.
        #[arg(long, value_name = "SIZE", requires = "dry_run", value_parser = parse_memory)]
        memory: Option<u64>,
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
    /// List the takes of scenes, the newest first: which is in the film, stars, how each was made, and why it is stale.
    Takes {
        /// The project's folder.
        project: PathBuf,
        /// Scenes to list, such as 1,3-5; all without it.
        #[arg(long, alias = "scene", value_name = "LIST", value_parser = parse_scene_list)]
        scenes: Option<SceneList>,
        /// As JSON, with everything that decided each take.
        #[arg(long)]
        json: bool,
    },
    /// Choose, star, delete or compare takes, or copy what one was made with to its scene.
    #[command(subcommand)]
    Take(TakeCommand),
    /// Lock, unlock, move, duplicate or delete scenes.
    #[command(subcommand)]
    Scene(SceneCommand),
    /// Show or change how stills and clips are denoised: for the project, or for scenes alone.
    Settings(SettingsArgs),
    /// Show or change the film's size and frame rate, and what is shown between the frames of a clip.
    Format {
        /// The project's folder.
        project: PathBuf,
        /// Pixels, such as 1920x1080.
        #[arg(long, value_name = "WxH", value_parser = parse_size)]
        size: Option<[u32; 2]>,
        /// Frames per second.
        #[arg(long, value_name = "N")]
        fps: Option<u32>,
        /// Estimate frames between those of a clip (motion-compensated, simple), or show the nearest one.
        #[arg(long, value_name = "on|off", value_parser = parse_switch)]
        smooth: Option<bool>,
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

impl ClipOptions {
    /// Whether any value is new.
    pub fn is_any(&self) -> bool {
        [self.clip_steps, self.frames, self.camera_from].iter().any(Option::is_some)
    }

    /// Settings with the new values in them.
    pub fn applied_to(&self, clip: &ClipSettings) -> ClipSettings {
        let clip = self.clip_steps.map_or_else(|| clip.clone(), |steps| clip.with_steps(steps));
        ClipSettings {
            frames: self.frames.unwrap_or(clip.frames),
            camera_from_step: self.camera_from.unwrap_or(clip.camera_from_step),
            ..clip
        }
    }
}

/// The rest of how clips are made.
#[derive(Debug, Clone, clap::Args)]
pub struct ClipChanges {
    /// How much the prompt counts for clips; 1 is no guidance.
    #[arg(long, value_name = "X", value_parser = parse_hundredths)]
    pub clip_guidance: Option<u32>,
    /// Frames per second of a clip's own file.
    #[arg(long, value_name = "N")]
    pub clip_fps: Option<u32>,
    /// How far the camera of clips moves; 1 is as usual.
    #[arg(long, value_name = "X", value_parser = parse_hundredths)]
    pub camera_strength: Option<u32>,
    /// What a frame is blended with when the camera moves: accumulated, reference or neighbour.
    #[arg(long, value_name = "NAME", value_parser = parse_camera_mode)]
    pub camera_mode: Option<CameraMode>,
    /// Whether actions in the prompt steer the movement.
    #[arg(long, value_name = "true|false")]
    pub action: Option<bool>,
    /// The aesthetic score that clips aim at, about 4 to 7.
    #[arg(long, value_name = "X", value_parser = parse_hundredths)]
    pub score: Option<u32>,
}

impl ClipChanges {
    /// Whether any value is new.
    pub fn is_any(&self) -> bool {
        let numbers = [self.clip_guidance, self.clip_fps, self.camera_strength, self.score];
        numbers.iter().any(Option::is_some) || self.camera_mode.is_some() || self.action.is_some()
    }

    /// Settings with the new values in them.
    pub fn applied_to(&self, clip: ClipSettings) -> ClipSettings {
        ClipSettings {
            guidance_hundredths: self.clip_guidance.unwrap_or(clip.guidance_hundredths),
            fps: self.clip_fps.unwrap_or(clip.fps),
            camera_strength_hundredths: self.camera_strength.unwrap_or(clip.camera_strength_hundredths),
            camera_mode: self.camera_mode.unwrap_or(clip.camera_mode),
            action: self.action.unwrap_or(clip.action),
            score_hundredths: self.score.unwrap_or(clip.score_hundredths),
            ..clip
        }
    }
}

/// What can be done with a take. Takes are numbered from 1, the oldest first, as `takes` lists them.
#[derive(Debug, Subcommand)]
pub enum TakeCommand {
    /// Make the film use a take, or "draft" for the live draft.
    Choose(TakeOf),
    /// Mark a take with a star.
    Star(TakeOf),
    /// Take the star away.
    Unstar(TakeOf),
    /// Delete a take. Its picture stays in the media folder.
    Delete(TakeOf),
    /// Give the scene the seed of a take.
    CopySeed(TakeOf),
    /// Give the scene the render settings of a take.
    CopySettings(TakeOf),
    /// Give the scene the prompt of a take.
    CopyPrompt(TakeOf),
    /// Say how takes of a scene differ from the first one named.
    Compare {
        /// The project's folder.
        project: PathBuf,
        /// The scene's number.
        scene: usize,
        /// Two or more takes by their numbers.
        #[arg(required = true, num_args = 2..)]
        takes: Vec<usize>,
    },
}

/// Names a take.
#[derive(Debug, Clone, clap::Args)]
pub struct TakeOf {
    /// The project's folder.
    pub project: PathBuf,
    /// The scene's number.
    pub scene: usize,
    /// The take's number, or "draft" where that can be chosen.
    #[arg(value_parser = parse_take)]
    pub take: TakeArg,
}

/// A take as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakeArg {
    /// Its number, from 1.
    Number(usize),
    /// No take but the live draft.
    Draft,
}

/// What can be done with scenes. Renders and the writer leave locked ones as they are.
#[derive(Debug, Subcommand)]
pub enum SceneCommand {
    /// Keep scenes as they are, whatever is rendered or written.
    Lock {
        /// The project's folder.
        project: PathBuf,
        /// Scenes, such as 1,3-5.
        #[arg(value_parser = parse_scene_list)]
        scenes: SceneList,
    },
    /// Take the lock away.
    Unlock {
        /// The project's folder.
        project: PathBuf,
        /// Scenes, such as 1,3-5.
        #[arg(value_parser = parse_scene_list)]
        scenes: SceneList,
    },
    /// Bring scenes together at another place.
    Move {
        /// The project's folder.
        project: PathBuf,
        /// Scenes, such as 1,3-5.
        #[arg(value_parser = parse_scene_list)]
        scenes: SceneList,
        /// The scene that comes after them; one more than there are puts them at the end.
        #[arg(long, value_name = "N", value_parser = parse_place)]
        before: usize,
    },
    /// Copy scenes with their takes, behind the last of them.
    Duplicate {
        /// The project's folder.
        project: PathBuf,
        /// Scenes, such as 1,3-5.
        #[arg(value_parser = parse_scene_list)]
        scenes: SceneList,
    },
    /// Delete scenes with their takes. Their pictures stay in the media folder.
    Delete {
        /// The project's folder.
        project: PathBuf,
        /// Scenes, such as 1,3-5.
        #[arg(value_parser = parse_scene_list)]
        scenes: SceneList,
    },
}

/// Shows or changes settings; without an option that changes something they are shown.
#[derive(Debug, clap::Args)]
pub struct SettingsArgs {
    /// The project's folder.
    pub project: PathBuf,
    /// Settings of these scenes alone, such as 1,3-5; the project's without it.
    #[arg(long, value_name = "LIST", value_parser = parse_scene_list)]
    pub scenes: Option<SceneList>,
    #[command(flatten)]
    /// New values for stills.
    pub changes: StillChanges,
    #[command(flatten)]
    /// New values for clips.
    pub clip: ClipOptions,
    #[command(flatten)]
    /// More new values for clips.
    pub clip_changes: ClipChanges,
    /// Start from the values of VideoStudio's release.
    #[arg(long)]
    pub release: bool,
    /// Give scenes the project's settings again.
    #[arg(long, requires = "scenes", conflicts_with = "release")]
    pub as_project: bool,
}

/// New values of settings.
#[derive(Debug, Clone, clap::Args)]
pub struct StillChanges {
    /// Denoising steps; fewer are faster and rougher.
    #[arg(long, value_name = "N")]
    pub steps: Option<u32>,
    /// How much the prompt counts; 1 is no guidance.
    #[arg(long, value_name = "X", value_parser = parse_hundredths)]
    pub guidance: Option<u32>,
    /// How much pictures of people and objects count, from 0 to 2.
    #[arg(long, value_name = "X", value_parser = parse_hundredths)]
    pub cast: Option<u32>,
    /// How much the picture of the place counts, from 0 to 2.
    #[arg(long, value_name = "X", value_parser = parse_hundredths)]
    pub place: Option<u32>,
    /// What the pictures should not show.
    #[arg(long, value_name = "TEXT")]
    pub negative: Option<String>,
}

impl StillChanges {
    /// Whether any value is new.
    pub fn is_any(&self) -> bool {
        let numbers = [self.steps, self.guidance, self.cast, self.place];
        numbers.iter().any(Option::is_some) || self.negative.is_some()
    }

    /// Settings with the new values in them.
    pub fn applied_to(&self, still: &StillSettings) -> StillSettings {
        StillSettings {
            negative: self.negative.clone().unwrap_or_else(|| still.negative.clone()),
            steps: self.steps.unwrap_or(still.steps),
            guidance_hundredths: self.guidance.unwrap_or(still.guidance_hundredths),
            foreground_hundredths: self.cast.unwrap_or(still.foreground_hundredths),
            background_hundredths: self.place.unwrap_or(still.background_hundredths),
        }
    }
}

/// How a script is written.
#[derive(Debug, Clone, clap::Args)]
pub struct Writing {
    /// Number of scenes, from 4 to 10; without it the writer chooses from 5 to 7.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(4..=10))]
    pub scenes: Option<u32>,
    #[command(flatten)]
    /// How it is written.
    pub voice: Voice,
}

/// Who writes, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct Voice {
    /// The same seed gives the same words.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// The writer: an id in `models list`, a GGUF file of a chat model, the folder of ChatGLM3-6B as it is published (with
    /// a slash in its path, as ./chatglm3-6b), or the address of a server that speaks OpenAI's protocol, such as
    /// http://127.0.0.1:8080/v1 (with #MODEL behind it where it has several); without it the best listed one that fits
    /// this machine.
    #[arg(long, value_name = "ID|FILE|FOLDER|URL")]
    pub writer: Option<String>,
    /// Let --writer name a server on another machine, which then reads the premise and the script.
    #[arg(long, requires = "writer")]
    pub any_host: bool,
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

impl std::fmt::Display for SceneList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.iter().map(usize::to_string).collect::<Vec<_>>().join(", "))
    }
}

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

fn parse_memory(text: &str) -> Result<u64, String> {
    parse_bytes(text).ok_or_else(|| format!("\"{text}\" is not a size such as 16GB"))
}

fn parse_switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("\"{text}\" is neither on nor off")),
    }
}

fn parse_take(text: &str) -> Result<TakeArg, String> {
    if text == "draft" {
        return Ok(TakeArg::Draft);
    }
    let number = text.parse().ok().filter(|number| *number >= 1);
    number.map(TakeArg::Number).ok_or_else(|| format!("\"{text}\" is neither a take's number, from 1, nor \"draft\""))
}

fn parse_place(text: &str) -> Result<usize, String> {
    let place = text.parse().ok().filter(|place| *place >= 1);
    place.ok_or_else(|| format!("\"{text}\" is not a scene number, from 1"))
}

fn parse_camera_mode(text: &str) -> Result<CameraMode, String> {
    let found = CameraMode::ALL.into_iter().find(|mode| mode.as_str() == text);
    found.ok_or_else(|| format!("\"{text}\" is not one of accumulated, reference, neighbour"))
}

fn parse_hundredths(text: &str) -> Result<u32, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=100.0).contains(&value) => Ok((value * 100.0).round() as u32),
        _ => Err(format!("\"{text}\" is not a number such as 0.5")),
    }
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
