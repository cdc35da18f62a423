//! The second draft with a server.

use super::answer::{Answer, read};
use super::ask::messages;
use super::http::End;
use super::script::{REPEATED, fitted, fitting_moves, ruled_note};
use super::tries::Attempts;
use super::{ServerWriter, heard_enough};
use crate::progress::{Cancelled, Progress};
use crate::project::{CameraMove, Proposal, ScriptScene};
use crate::writer::error::WriterError;
use crate::writer::examples::scene_text;
use crate::writer::likeness;
use crate::writer::revise::{
    Asked, Batch, LEAVE_OUT, ReviseRequest, Rules, SecondAuthor, Slot, Task, Told, dialogue, examples_like, propose,
};
use crate::writer::scenes::SCENE_STEPS;
use crate::writer::script::{OnEvent, WriterEvent};
use crate::writer::tidy::{Cast, flat};
use crate::writer::{CameraRequest, DescribeRequest};

/// What can be used of an answer.
enum Taken {
    All,
    /// The scenes `said`, which end before the one with the number `next`; the rest cannot, for a reason.
    Some {
        said: String,
        next: usize,
        reason: String,
    },
    /// Nothing, for this reason.
    Nothing(String),
}

/// Gets an answer as it grows, and how it ended once it has. Says what of it can be used as soon as the rest does not matter.
type Take<'a> = dyn FnMut(&str, Option<End>) -> Result<Option<Taken>, Cancelled> + 'a;

impl ServerWriter {
    /// Makes a proposal of how to revise a film, as [`crate::writer::Writer::revise`] does.
    ///
    /// # Errors
    /// When the revision is not possible, the server fails, or its answers lack something.
    pub fn revise(
        &mut self,
        request: &ReviseRequest,
        progress: &dyn Progress,
        on_event: &mut OnEvent,
    ) -> Result<Proposal, WriterError> {
        propose(self, request, progress, on_event)
    }

    /// Asks about a revision, with as many examples as the server takes, until `take` has all it needs.
    fn ask_about(
        &mut self,
        told: &Told,
        request: &ReviseRequest,
        progress: &dyn Progress,
        take: &mut Take,
    ) -> Result<(), WriterError> {
        progress.stage("asking the server");
        self.model(progress)?;
        progress.stage("revising");
        let mut attempts = Attempts::with(examples_like(&self.prompts, told.task).len());
        let mut so_far: Option<(String, usize)> = None;
        while !attempts.are_over() {
            let mut conversation = dialogue(&self.prompts, told, attempts.examples);
            match (&attempts.missing, &so_far) {
                (Some(missing), Some((said, next))) => {
                    conversation.assistant(said.as_str());
                    conversation.user(format!(
                        "Good so far, but {missing}. Go on with scene {next}: give only what is still missing, in the form of \
                         the examples, with nothing else."
                    ));
                }
                (Some(missing), None) => conversation.user(format!(
                    "Your last answer could not be used: {missing}. Answer in the form of the examples, with nothing else."
                )),
                (None, _) => {}
            }
            let sampling = (&request.sampling, request.seed.wrapping_add(attempts.made as u64));
            let mut decided = None;
            let answer = self.ask(&messages(&conversation), None, sampling, progress, &mut |text| {
                decided = take(text, None)?;
                heard_enough(decided.is_some())
            });
            match answer {
                Ok((text, end)) => {
                    let taken = if decided.is_some() { decided } else { take(&text, Some(end))? };
                    match taken.unwrap_or_else(|| Taken::Nothing("it was empty".to_owned())) {
                        Taken::All => return Ok(()),
                        Taken::Some { said, next, reason } => {
                            so_far = Some((said, next));
                            attempts.brought_some(reason);
                        }
                        Taken::Nothing(reason) => attempts.lacked(reason),
                    }
                }
                Err(failure) => self.ask_again_after(failure, &mut attempts)?,
            }
        }
        let Attempts { made: tries, missing, .. } = attempts;
        let address = self.connection.spec.address.clone();
        Err(WriterError::ServerRevision { address, tries, reason: missing.unwrap_or_default() })
    }
}

impl SecondAuthor for ServerWriter {
    fn say_scenes(&mut self, asked: Asked, proposal: &mut Proposal, batch: &mut Batch) -> Result<(), WriterError> {
        let Asked { mut told, slots, assemble } = asked;
        let said = |slot| match slot {
            Slot::Said(rules) => Some(rules),
            Slot::Kept(..) => None,
        };
        let wanted: Vec<Rules> = slots.into_iter().filter_map(said).collect();
        if told.task == Task::Film {
            // One answer for each scene that it is told.
            told.scenes.retain(|(number, _)| wanted.iter().any(|rules| rules.number == *number));
        }
        let (request, progress) = (batch.request, batch.progress);
        let mut coming = Coming::of(&wanted, batch.cast.clone());
        let asked = self.ask_about(&told, request, progress, &mut |text, end| {
            let answer = read(text, end == Some(End::Done));
            coming.hear(&answer);
            let mut growing = coming.done.clone();
            proposal.items = assemble(&growing);
            if let Some(end) = end.or(coming.is_decided().then_some(End::Done)) {
                return Ok(Some(coming.taken(end)));
            }
            growing.extend(coming.growing(answer));
            let shown = Proposal { items: assemble(&growing), ..proposal.clone() };
            (batch.on_event)(WriterEvent::Proposal(&shown));
            progress.step(coming.done.len() as u64 * SCENE_STEPS, wanted.len() as u64 * SCENE_STEPS)?;
            Ok(None)
        });
        match asked {
            Err(WriterError::ServerRevision { reason, .. }) if coming.is_worth_something(told.task) => {
                proposal.notes.push(format!("The server was asked for the rest in vain: {reason}."));
                (coming.done, coming.cast) = (coming.kept, coming.cast_of_kept);
                proposal.items = assemble(&coming.done);
            }
            asked => asked?,
        }
        *batch.cast = coming.cast;
        (batch.on_event)(WriterEvent::Proposal(proposal));
        Ok(())
    }

    fn say_moves(
        &mut self,
        request: &CameraRequest,
        notes: &mut Vec<String>,
        progress: &dyn Progress,
        on_event: &mut OnEvent,
    ) -> Result<Vec<CameraMove>, WriterError> {
        progress.stage("asking the server");
        self.model(progress)?;
        let scenes = &request.script.scenes;
        let asked = self.prompts.fill("script_request.txt", &[("premise", &flat(&request.premise))]);
        let said = self.ask_for_moves(&asked, scenes, (&request.sampling, request.seed), progress)?;
        let fixed: Vec<_> = (0..scenes.len()).map(|at| request.fixed.get(at).copied().flatten()).collect();
        let (moves, ruled) = fitting_moves(scenes, &fixed, said);
        notes.extend(ruled_note(ruled, moves.len()));
        for (index, camera) in moves.iter().copied().enumerate().filter(|(index, _)| fixed[*index].is_none()) {
            on_event(WriterEvent::Camera { index, camera });
        }
        Ok(moves)
    }

    fn say_looks(
        &mut self,
        request: &DescribeRequest,
        progress: &dyn Progress,
        on_event: &mut OnEvent,
    ) -> Result<String, WriterError> {
        self.describe(request, progress, on_event)
    }

    fn leave_out(
        &mut self,
        told: &Told,
        count: usize,
        free: Vec<usize>,
        request: &ReviseRequest,
        progress: &dyn Progress,
    ) -> Result<Vec<usize>, WriterError> {
        let mut gone = Vec::new();
        self.ask_about(told, request, progress, &mut |text, end| {
            if end.is_none() {
                progress.step(0, 0)?;
                return Ok(None);
            }
            gone = numbers(text, &free);
            gone.truncate(count);
            let missing = || format!("it names {} of {count} scenes that can be left out", gone.len());
            Ok(Some(if gone.len() < count { Taken::Nothing(missing()) } else { Taken::All }))
        })?;
        Ok(gone)
    }
}

/// The scenes among `free` that an answer names, each once.
fn numbers(text: &str, free: &[usize]) -> Vec<usize> {
    let list = text.rsplit(LEAVE_OUT.trim_end()).next().unwrap_or(text);
    let mut named = Vec::new();
    for number in list.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()) {
        if free.contains(&number) && !named.contains(&number) {
            named.push(number);
        }
    }
    named
}

/// The scenes of a revision that are coming.
struct Coming<'a> {
    wanted: &'a [Rules],
    /// Those of earlier answers, and the names as they are behind them.
    kept: Vec<ScriptScene>,
    cast_of_kept: Cast,
    /// All that are there, and the names behind them.
    done: Vec<ScriptScene>,
    cast: Cast,
    /// How many scenes at the beginning of the present answer are among those of earlier ones.
    repeated: usize,
    /// Why the last scene that was left out was left out.
    reason: Option<String>,
}

impl<'a> Coming<'a> {
    fn of(wanted: &'a [Rules], cast: Cast) -> Self {
        let (kept, done) = (Vec::new(), Vec::new());
        Self { wanted, kept, cast_of_kept: cast.clone(), done, cast, repeated: 0, reason: None }
    }

    /// Takes in the whole scenes of an answer that is still growing: those before the first that cannot be used.
    fn hear(&mut self, answer: &Answer) {
        let whole = answer.scenes.len().saturating_sub(usize::from(!answer.complete));
        let alike = |one: &str, other: &str| likeness(one, other) > REPEATED;
        let is_kept = |scene: &&ScriptScene| self.kept.iter().any(|kept| alike(&kept.prompt, &scene.prompt));
        self.repeated = answer.scenes[..whole].iter().take_while(is_kept).count();
        // An answer is read again from its beginning each time.
        self.done.clone_from(&self.kept);
        self.cast = self.cast_of_kept.clone();
        self.reason = None;
        for (rules, scene) in self.wanted[self.kept.len()..].iter().zip(&answer.scenes[self.repeated..whole]) {
            let scene = ScriptScene { camera: rules.camera, ..scene.clone() };
            let repeats = |action: &str| match () {
                () if rules.forbidden.iter().any(|known| known == action) => Some("before"),
                () if rules.unlike.iter().any(|known| alike(known, action)) => Some("another one"),
                () if self.done.iter().any(|scene| alike(&scene.prompt, action)) => Some("the one before it"),
                () => None,
            };
            match fitted(scene, rules.number, rules.place.clone(), &repeats, &mut self.cast) {
                Ok(scene) => self.done.push(scene),
                Err(reason) => {
                    self.reason = Some(reason);
                    break;
                }
            }
        }
    }

    /// Whether it does not matter what else the answer holds.
    fn is_decided(&self) -> bool {
        self.done.len() == self.wanted.len() || self.reason.is_some()
    }

    /// Whether a part of the scenes is better than none.
    fn is_worth_something(&self, task: Task) -> bool {
        matches!(task, Task::Film | Task::Continue(_)) && !self.kept.is_empty()
    }

    /// The scene that is growing.
    fn growing(&self, answer: Answer) -> Option<ScriptScene> {
        let rules = self.wanted.get(self.done.len()).filter(|_| self.reason.is_none())?;
        let scene = answer.scenes.into_iter().nth(self.repeated + self.done.len() - self.kept.len())?;
        Some(ScriptScene { camera: rules.camera, ..scene })
    }

    /// What of an answer can be used that ended in this way. What can stays.
    fn taken(&mut self, end: End) -> Taken {
        let (had, wanted) = (self.done.len(), self.wanted.len());
        let Some(next) = self.wanted.get(had) else { return Taken::All };
        let usual = || end.problem().map_or_else(|| format!("it held {had} of {wanted} scenes"), str::to_owned);
        let reason = self.reason.take().unwrap_or_else(usual);
        if had == self.kept.len() {
            return Taken::Nothing(reason);
        }
        self.kept.clone_from(&self.done);
        self.cast_of_kept = self.cast.clone();
        let said = self.wanted.iter().zip(&self.kept).map(|(rules, scene)| scene_text(rules.number - 1, scene));
        Taken::Some { said: said.collect(), next: next.number, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_any_wording() {
        assert_eq!(numbers("Leave out: 2, 4", &[2, 3, 4]), [2, 4]);
        assert_eq!(numbers("Of the 6 scenes I would leave out: scene 3 and scene 3.", &[2, 3, 4]), [3]);
        assert_eq!(numbers("none", &[2]), [0_usize; 0]);
    }
}
