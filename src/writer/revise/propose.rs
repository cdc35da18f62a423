//! Making a proposal of each kind, whoever says its words.

use super::super::error::WriterError;
use super::super::grammar;
use super::super::sampler::Sampler;
use super::super::script::OnEvent;
use super::super::tidy::Cast;
use super::super::{CameraRequest, DescribeRequest};
use super::asked::{Asked, Film, item, left_out_of};
use super::tell::{Task, Told};
use super::{ReviseError, ReviseRequest, Revision, locked_note, locked_numbers};
use crate::progress::Progress;
use crate::project::{CameraMove, Change, EntityKind, Proposal, ProposalItem, Scene, SceneId, Script, ScriptScene};

/// Scenes of a film that are said anew in one conversation.
const BATCH: usize = 8;
/// One scene of so many is left out of a film that is to be shorter.
const LEFT_OUT_OF: usize = 3;

/// What all scenes of one revision share.
pub(in crate::writer) struct Batch<'a, 'b> {
    pub request: &'a ReviseRequest,
    pub cast: &'a mut Cast,
    /// What shows the user's wish in earlier scenes.
    pub shown: Vec<String>,
    pub sampler: &'a mut Sampler,
    pub progress: &'a dyn Progress,
    pub on_event: &'a mut OnEvent<'b>,
}

/// Who says the words of a second draft: a model on this machine, or a server.
pub(in crate::writer) trait SecondAuthor {
    /// Asks and has the slots filled; `proposal` gets the items that the scenes make.
    fn say_scenes(&mut self, asked: Asked, proposal: &mut Proposal, batch: &mut Batch) -> Result<(), WriterError>;

    /// A move for each scene; the fixed ones as they are. `notes` hears of moves that were not said.
    fn say_moves(
        &mut self,
        request: &CameraRequest,
        notes: &mut Vec<String>,
        progress: &dyn Progress,
        on_event: &mut OnEvent,
    ) -> Result<Vec<CameraMove>, WriterError>;

    fn say_looks(
        &mut self,
        request: &DescribeRequest,
        progress: &dyn Progress,
        on_event: &mut OnEvent,
    ) -> Result<String, WriterError>;

    /// Which `count` of the `free` scenes, counted from 1, can be left out.
    fn leave_out(
        &mut self,
        told: &Told,
        count: usize,
        free: Vec<usize>,
        request: &ReviseRequest,
        progress: &dyn Progress,
    ) -> Result<Vec<usize>, WriterError>;
}

/// Makes a proposal of how to revise a film. `on_event` hears it grow.
///
/// Nothing that is said is ever unusable: scenes name whom they show by the film's names, and locked ones are left alone.
/// Cancelling leaves nothing behind.
pub(in crate::writer) fn propose(
    author: &mut impl SecondAuthor,
    request: &ReviseRequest,
    progress: &dyn Progress,
    on_event: &mut OnEvent,
) -> Result<Proposal, WriterError> {
    request.sampling.check()?;
    request.revision.check(&request.project)?;
    if let Some(proposal) = request.revision.by_rule(&request.project) {
        return Ok(proposal?);
    }
    let project = &*request.project;
    let mut proposal = Proposal { title: request.revision.title(project), ..Proposal::default() };
    match &request.revision {
        Revision::Cameras => propose_cameras(author, request, &mut proposal, progress, on_event)?,
        Revision::Describe { kind, name, wish } => {
            let text = describe_again(author, request, (*kind, name, wish), progress, on_event)?;
            let before = project.cast_entry(*kind, name).map_or(String::new(), |known| known.description.clone());
            if text != before {
                let change = Change::Describe { kind: *kind, name: name.clone(), before, after: text };
                proposal.items.push(ProposalItem { title: name.clone(), changes: vec![change] });
            }
        }
        Revision::Shorten => propose_shorter(author, request, &mut proposal, progress)?,
        _ => propose_scenes(author, request, &mut proposal, progress, on_event)?,
    }
    Ok(proposal)
}

fn propose_cameras(
    author: &mut impl SecondAuthor,
    request: &ReviseRequest,
    proposal: &mut Proposal,
    progress: &dyn Progress,
    on_event: &mut OnEvent,
) -> Result<(), WriterError> {
    let project = &*request.project;
    let scenes: Vec<ScriptScene> = project.scenes.iter().filter_map(|s| project.script_scene(s.id)).collect();
    let fixed = project.scenes.iter().map(|scene| scene.locked.then_some(scene.camera)).collect();
    let cameras = CameraRequest {
        premise: project.premise.clone(),
        script: Script { scenes: scenes.clone() },
        fixed,
        seed: request.seed,
        sampling: request.sampling,
    };
    proposal.notes.extend(locked_note(&locked_numbers(project), "keeps its camera"));
    let moves = author.say_moves(&cameras, &mut proposal.notes, progress, on_event)?;
    let changed = project.scenes.iter().zip(&scenes).zip(moves).enumerate();
    proposal.items = changed
        .filter(|(_, ((scene, before), camera))| !scene.locked && before.camera != *camera)
        .map(|(index, ((scene, before), camera))| {
            let after = ScriptScene { camera, ..before.clone() };
            item(index + 1, vec![Change::Scene { id: scene.id, before: before.clone(), after }])
        })
        .collect();
    Ok(())
}

fn describe_again(
    author: &mut impl SecondAuthor,
    request: &ReviseRequest,
    (kind, name, wish): (EntityKind, &str, &str),
    progress: &dyn Progress,
    on_event: &mut OnEvent,
) -> Result<String, WriterError> {
    let project = &*request.project;
    let shows = |scene: &&Scene| scene.entity_names(kind).any(|known| known == name);
    // What the user wants is told as a part of the film, where looks are taken over from.
    let premise = match wish.trim().trim_end_matches('.') {
        "" => project.premise.clone(),
        wish => format!("{} {wish}. {}", grammar::subject(name), project.premise),
    };
    let about = DescribeRequest {
        premise,
        name: name.to_owned(),
        kind,
        scene: project.scenes.iter().find(shows).map_or(String::new(), |scene| scene.prompt.clone()),
        seed: request.seed,
        sampling: request.sampling,
    };
    progress.stage(&format!("describing {name}"));
    author.say_looks(&about, progress, on_event)
}

fn propose_shorter(
    author: &mut impl SecondAuthor,
    request: &ReviseRequest,
    proposal: &mut Proposal,
    progress: &dyn Progress,
) -> Result<(), WriterError> {
    let project = &*request.project;
    let film = Film { project, seed: request.seed };
    let free = left_out_of(project);
    let count = (project.scenes.len() / LEFT_OUT_OF).clamp(1, free.len());
    let told = film.told(Task::Shorten(count), "", 0..project.scenes.len());
    let mut gone = author.leave_out(&told, count, free, request, progress)?;
    gone.sort_unstable();
    proposal.notes.extend(locked_note(&locked_numbers(project), "stays"));
    proposal.items = gone
        .into_iter()
        .filter_map(|number| {
            let id = project.scenes.get(number - 1)?.id;
            Some(item(number, vec![Change::Remove { id, before: project.script_scene(id)? }]))
        })
        .collect();
    Ok(())
}

/// Everything that the model answers with scenes.
fn propose_scenes(
    author: &mut impl SecondAuthor,
    request: &ReviseRequest,
    proposal: &mut Proposal,
    progress: &dyn Progress,
    on_event: &mut OnEvent,
) -> Result<(), WriterError> {
    let project = &*request.project;
    let film = Film { project, seed: request.seed };
    let index = |id: &SceneId| project.scene_index(*id).ok_or(ReviseError::NoScene);
    let (mut cast, mut sampler) = (film.cast(), Sampler::new(request.seed, request.sampling));
    let mut batch = Batch { request, cast: &mut cast, shown: Vec::new(), sampler: &mut sampler, progress, on_event };
    let asked = match &request.revision {
        Revision::Rewrite { scene, change } => film.rewrite(index(scene)?, change),
        Revision::Insert { after, wish } => {
            let at = after.as_ref().map(index).transpose()?.map_or(0, |index| index + 1);
            film.insert(*after, at, wish)
        }
        Revision::Split { scene } => film.split(index(scene)?),
        Revision::Merge { scene } => film.merge(index(scene)?),
        Revision::Continue { scenes, wish } => film.go_on(*scenes as usize, wish),
        Revision::Film { change } => {
            proposal.notes.extend(locked_note(&locked_numbers(project), "stays as it is"));
            let count = project.scenes.len();
            for first in (0..count).step_by(BATCH) {
                let part = first..(first + BATCH).min(count);
                if project.scenes[part.clone()].iter().any(|scene| !scene.locked) {
                    let asked = film.part(part, change, proposal.items.clone());
                    author.say_scenes(asked, proposal, &mut batch)?;
                }
            }
            return Ok(());
        }
        _ => return Ok(()),
    };
    author.say_scenes(asked, proposal, &mut batch)
}
