//! `reelboard revise` and `reelboard check`: the second draft of a script.

use super::args::Voice;
use super::film::{Film, run_job};
use super::progress::Unit;
use super::run::{cache, out, registry};
use crate::engine::{JobOutput, JobSpec, ReviseJob};
use crate::project::{Change, EntityKind, Project, Proposal, ScriptScene, Words, entities, read_project, word_diff};
use crate::writer::{Finding, Repair, ReviseRequest, Revision, WriterHome, check, repair_by_rules};
use anyhow::{Result, bail};
use clap::{ArgGroup, Args};
use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Arguments of `reelboard revise`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").multiple(false))]
#[command(after_help = "Examples:\n  \
    reelboard revise cake.reel --scene 3 \"make it night\"\n  \
    reelboard revise cake.reel --insert-after 2 \"the dog steals a spoon\"\n  \
    reelboard revise cake.reel \"funnier\"\n  \
    reelboard revise cake.reel --rename \"young man\" --to Tom --yes")]
pub struct ReviseArgs {
    /// The project's folder.
    project: PathBuf,
    /// What shall change or happen, such as "make it night", "from the dog's eyes", "for children". Alone it is meant for
    /// the whole film.
    wish: Option<String>,
    /// Rewrite this scene.
    #[arg(long, value_name = "N", group = "what", requires = "wish", value_parser = parse_number)]
    scene: Option<usize>,
    /// Write a new scene behind this one; 0 is the beginning of the film.
    #[arg(long, value_name = "N", group = "what")]
    insert_after: Option<usize>,
    /// Make two scenes of this one.
    #[arg(long, value_name = "N", group = "what", conflicts_with = "wish", value_parser = parse_number)]
    split: Option<usize>,
    /// Make one scene of this one and the next.
    #[arg(long, value_name = "N", group = "what", conflicts_with = "wish", value_parser = parse_number)]
    merge: Option<usize>,
    /// Go on with the story by so many scenes, from 1 to 5.
    #[arg(long = "continue", value_name = "N", group = "what")]
    continued: Option<u32>,
    /// Leave out the scenes that matter least, about a third.
    #[arg(long, group = "what", conflicts_with = "wish")]
    shorter: bool,
    /// Plan the camera of the whole film anew.
    #[arg(long, group = "what", conflicts_with = "wish")]
    cameras: bool,
    /// Describe this character, thing or place again.
    #[arg(long, value_name = "NAME", group = "what")]
    describe: Option<String>,
    /// Rename this character, thing or place, in all scenes and their words. Needs no model.
    #[arg(long, value_name = "NAME", group = "what", requires = "to", conflicts_with = "wish")]
    rename: Option<String>,
    /// Make this name and the one of --to, which both stand for the same, one. Needs no model.
    #[arg(long, value_name = "NAME", group = "what", requires = "to", conflicts_with = "wish")]
    merge_names: Option<String>,
    /// The new name, or the one that stays.
    #[arg(long, value_name = "NAME")]
    to: Option<String>,
    #[command(flatten)]
    deciding: Deciding,
    #[command(flatten)]
    voice: Voice,
}

/// Arguments of `reelboard check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The project's folder.
    project: PathBuf,
    /// Propose repairs: rules where they know how, the writer for the rest.
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    deciding: Deciding,
    #[command(flatten)]
    voice: Voice,
}

/// How a proposal is decided on.
#[derive(Debug, Clone, Copy, Args)]
pub struct Deciding {
    /// Accept all of it; without it a terminal asks, change by change.
    #[arg(long, short)]
    yes: bool,
    /// Only show it.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Print it as JSON; nothing is asked, and only --yes accepts it.
    #[arg(long)]
    json: bool,
}

fn parse_number(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number >= 1);
    number.ok_or_else(|| format!("\"{text}\" is not a scene number, from 1"))
}

/// Revises a script.
pub(super) fn revise(args: &ReviseArgs, cancel: Arc<AtomicBool>) -> Result<()> {
    let mut film = Opened::of(args.deciding, &args.project, cancel)?;
    let revision = args.revision(film.project())?;
    revision.check(film.project())?;
    let proposal = film.propose(&revision, &args.voice)?;
    film.decide(&proposal, args.deciding)
}

/// Lists what there is to remark on a script, or repairs it.
pub(super) fn run_check(args: &CheckArgs, cancel: Arc<AtomicBool>) -> Result<()> {
    if !args.repair {
        let project = read_project(&args.project)?;
        let findings = check(&project);
        return out(&if args.deciding.json {
            findings_json(&project, &findings)
        } else {
            findings_text(&project, &findings)
        });
    }
    let mut film = Opened::of(args.deciding, &args.project, cancel)?;
    let before = film.project().clone();
    // Repairs build on each other; what the user decides on is what came of all of them.
    let (rules, _) = repair_by_rules(&before);
    let mut mended = before.clone();
    apply(&mut mended, &rules)?;
    let mut left = check(&mended).len();
    while left > 0 {
        let asked = check(&mended).into_iter().find_map(|finding| match finding.repair(&mended) {
            Repair::Writer(revision) => Some((finding, revision)),
            Repair::Rule(_) => None,
        });
        let Some((finding, revision)) = asked else { break };
        let number = mended.scene_index(finding.scene).map_or(0, |index| index + 1);
        eprintln!("scene {number}: {}", finding.text(&mended));
        let proposal = film.propose_for(&mended, &revision, &args.voice)?;
        let earlier = mended.clone();
        apply(&mut mended, &proposal)?;
        let (rules, _) = repair_by_rules(&mended);
        apply(&mut mended, &rules)?;
        let now = check(&mended).len();
        if now >= left {
            // It does not get better by asking again.
            mended = earlier;
            eprintln!("the writer found no better words; {left} remarks are left");
            break;
        }
        left = now;
    }
    let proposal = Proposal::of_difference("repair of remarks", &before, &mended);
    film.decide(&proposal, args.deciding)
}

fn apply(project: &mut Project, proposal: &Proposal) -> Result<()> {
    let all: Vec<usize> = (0..proposal.items.len()).collect();
    if let Some(edit) = proposal.to_edit(project, &all) {
        project.apply(edit)?;
    }
    Ok(())
}

impl ReviseArgs {
    /// What is asked for, in this film.
    fn revision(&self, project: &Project) -> Result<Revision> {
        let count = project.scenes.len();
        let id = |number: usize| match project.scenes.get(number - 1) {
            Some(scene) => Ok(scene.id),
            None => bail!("{} has {count} scenes, there is no scene {number}", self.project.display()),
        };
        let wish = self.wish.clone().unwrap_or_default();
        let to = self.to.clone().unwrap_or_default();
        let named = |name: &str| self.kind_of(project, name).map(|kind| (kind, name.to_owned()));
        Ok(if let Some(number) = self.scene {
            Revision::Rewrite { scene: id(number)?, change: wish }
        } else if let Some(number) = self.insert_after {
            Revision::Insert { after: number.checked_sub(1).map(|_| id(number)).transpose()?, wish }
        } else if let Some(number) = self.split {
            Revision::Split { scene: id(number)? }
        } else if let Some(number) = self.merge {
            Revision::Merge { scene: id(number)? }
        } else if let Some(scenes) = self.continued {
            Revision::Continue { scenes, wish }
        } else if self.shorter {
            Revision::Shorten
        } else if self.cameras {
            Revision::Cameras
        } else if let Some(name) = &self.describe {
            let (kind, name) = named(name)?;
            Revision::Describe { kind, name, wish }
        } else if let Some(name) = &self.rename {
            let (kind, from) = named(name)?;
            Revision::Rename { kind, from, to }
        } else if let Some(name) = &self.merge_names {
            let (kind, from) = named(name)?;
            Revision::MergeNames { kind, from, to }
        } else if !wish.trim().is_empty() {
            Revision::Film { change: wish }
        } else {
            bail!(
                "say what shall change, such as \"funnier\", or use one of the options in \"reelboard revise --help\""
            )
        })
    }

    fn kind_of(&self, project: &Project, name: &str) -> Result<EntityKind> {
        let known = entities(project);
        match known.iter().find(|entity| entity.name == name) {
            Some(entity) => Ok(entity.kind),
            None => {
                let names: Vec<&str> = known.iter().map(|entity| entity.name.as_str()).collect();
                bail!("no scene of {} names \"{name}\"; it has: {}", self.project.display(), names.join(", "))
            }
        }
    }
}

/// A project that is only looked at needs no lock.
enum Opened {
    Read(Box<Project>, Arc<AtomicBool>),
    Film(Box<Film>),
}

impl Opened {
    fn of(deciding: Deciding, folder: &std::path::Path, cancel: Arc<AtomicBool>) -> Result<Self> {
        let looks_only = deciding.dry_run || deciding.json && !deciding.yes;
        Ok(match looks_only {
            true => Self::Read(Box::new(read_project(folder)?), cancel),
            false => Self::Film(Box::new(Film::open(folder, cancel)?)),
        })
    }

    fn project(&self) -> &Project {
        match self {
            Self::Read(project, _) => project,
            Self::Film(film) => film.project(),
        }
    }

    fn propose(&self, revision: &Revision, voice: &Voice) -> Result<Proposal> {
        self.propose_for(self.project(), revision, voice)
    }

    fn propose_for(&self, project: &Project, revision: &Revision, voice: &Voice) -> Result<Proposal> {
        if let Some(proposal) = revision.by_rule(project) {
            return Ok(proposal?);
        }
        let (registry, cache) = (registry()?, cache()?);
        let started;
        let (engine, cancel) = match self {
            Self::Film(film) => (&film.engine, &film.cancel),
            Self::Read(_, cancel) => {
                started = super::film::start_engine(cancel)?;
                (&started, cancel)
            }
        };
        let (model, sampling) = super::film::ready_writer(engine, cancel, &registry, &cache, voice)?;
        let request = ReviseRequest {
            project: Arc::new(project.clone()),
            revision: revision.clone(),
            seed: voice.seed,
            sampling,
        };
        let job = ReviseJob { request, model: Box::new(model), cache, home: WriterHome::user() };
        let output = run_job(engine, JobSpec::Revise(Box::new(job)), Unit::Steps, cancel, |_, _| {})?;
        match output {
            JobOutput::Proposal(proposal) => Ok(*proposal),
            _ => bail!("the writer gave no proposal"),
        }
    }

    /// Shows a proposal and takes in what is accepted of it.
    fn decide(&mut self, proposal: &Proposal, deciding: Deciding) -> Result<()> {
        let colored = std::io::stdout().is_terminal();
        if deciding.json {
            out(&format!("{:#}\n", serde_json::to_value(proposal)?))?;
        } else {
            out(&proposal_text(self.project(), proposal, colored))?;
        }
        let Self::Film(film) = self else { return Ok(()) };
        if proposal.is_empty() {
            return Ok(());
        }
        let all: Vec<usize> = (0..proposal.items.len()).collect();
        let accepted = match deciding.yes {
            true => all,
            false if std::io::stdin().is_terminal() => ask(proposal)?,
            false => {
                bail!("nothing was changed: run it again with --yes to accept it, or with --dry-run to only see it")
            }
        };
        match proposal.to_edit(film.numbering(), &accepted) {
            // Locked scenes are no part of a proposal, and a new name leaves them out.
            Some(edit) => film.change(edit)?,
            None => eprintln!("nothing was changed"),
        }
        Ok(())
    }
}

/// Asks for each item on the terminal.
fn ask(proposal: &Proposal) -> Result<Vec<usize>> {
    let mut accepted = Vec::new();
    let count = proposal.items.len();
    let mut input = std::io::stdin().lock();
    for (index, item) in proposal.items.iter().enumerate() {
        loop {
            let more = if count > 1 { ", [a]ll that are left, [q]uit" } else { "" };
            eprint!("{}: accept? [y]es, [n]o{more}: ", item.title);
            std::io::stderr().flush()?;
            let mut answer = String::new();
            if input.read_line(&mut answer)? == 0 {
                return Ok(Vec::new());
            }
            match answer.trim().to_lowercase().as_str() {
                "y" | "yes" => accepted.push(index),
                "n" | "no" => {}
                "a" | "all" => {
                    accepted.extend(index..count);
                    return Ok(accepted);
                }
                "q" | "quit" => return Ok(accepted),
                _ => continue,
            }
            break;
        }
    }
    Ok(accepted)
}

/// The difference that a proposal makes, with what goes in `[-…-]` and what comes in `{+…+}`, or in colours.
fn proposal_text(project: &Project, proposal: &Proposal, colored: bool) -> String {
    let mut text = String::new();
    if proposal.is_empty() {
        text += "nothing to change\n";
    }
    for item in &proposal.items {
        let _ = writeln!(text, "{}", item.title);
        for change in &item.changes {
            match change {
                Change::Scene { id, before, after } => {
                    if item.changes.len() > 1 {
                        let _ = writeln!(text, "  scene {}", project.scene_index(*id).map_or(0, |index| index + 1));
                    }
                    scene_text(&mut text, before, after, colored);
                }
                Change::Insert { scene, .. } => {
                    let _ = writeln!(text, "  new");
                    scene_text(&mut text, &ScriptScene::default(), scene, colored);
                }
                Change::Remove { id, before } => {
                    let _ = writeln!(text, "  without scene {}", project.scene_index(*id).map_or(0, |index| index + 1));
                    let _ = writeln!(text, "    {}", diff_text(&before.prompt, "", colored));
                }
                Change::Describe { before, after, .. } => {
                    let _ = writeln!(text, "    {}", diff_text(before, after, colored));
                }
                Change::Rename { from, to, .. } => {
                    let _ = writeln!(text, "  cast: {}", diff_text(from, to, colored));
                }
            }
        }
    }
    for note in &proposal.notes {
        let _ = writeln!(text, "{note}");
    }
    text
}

fn scene_text(text: &mut String, before: &ScriptScene, after: &ScriptScene, colored: bool) {
    let mut line = |name: &str, before: &str, after: &str, always: bool| {
        if before != after || always {
            let _ = writeln!(text, "    {name:<8}{}", diff_text(before, after, colored));
        }
    };
    line("action", &before.prompt, &after.prompt, true);
    line("who", &before.foreground.join(", "), &after.foreground.join(", "), false);
    line("where", &before.background, &after.background, false);
    let is_new = *before == ScriptScene::default();
    let camera = if is_new { String::new() } else { before.camera.to_string() };
    line("camera", &camera, &after.camera.to_string(), false);
}

fn diff_text(old: &str, new: &str, colored: bool) -> String {
    let mut text = String::new();
    for words in word_diff(old, new) {
        if !text.is_empty() && words.after_a_space() {
            text.push(' ');
        }
        let _ = match (words, colored) {
            (Words::Same(words), _) => write!(text, "{words}"),
            (Words::Old(words), true) => write!(text, "\x1b[31;9m{words}\x1b[0m"),
            (Words::New(words), true) => write!(text, "\x1b[32m{words}\x1b[0m"),
            (Words::Old(words), false) => write!(text, "[-{words}-]"),
            (Words::New(words), false) => write!(text, "{{+{words}+}}"),
        };
    }
    text
}

fn findings_text(project: &Project, findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let number = project.scene_index(finding.scene).map_or(0, |index| index + 1);
        let by = match finding.repair(project) {
            Repair::Rule(_) => "",
            Repair::Writer(_) => " (repaired by the writer)",
        };
        let _ = writeln!(text, "{number:>3}  {}{by}", finding.text(project));
    }
    let _ = match findings.len() {
        0 => writeln!(text, "no remarks"),
        1 => writeln!(text, "1 remark; --repair proposes how to mend it"),
        count => writeln!(text, "{count} remarks; --repair proposes how to mend them"),
    };
    text
}

fn findings_json(project: &Project, findings: &[Finding]) -> String {
    let list: Vec<serde_json::Value> = findings
        .iter()
        .map(|finding| {
            let repair = match finding.repair(project) {
                Repair::Rule(_) => "rule",
                Repair::Writer(_) => "writer",
            };
            serde_json::json!({
                "scene": project.scene_index(finding.scene).map(|index| index + 1),
                "remark": finding.remark.name(),
                "text": finding.text(project),
                "repair": repair,
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::Array(list))
}
