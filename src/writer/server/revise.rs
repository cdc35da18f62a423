//! The second draft with a server.

use super::ServerWriter;
use super::answer::{Answer, read};
use super::ask::messages;
use super::http::End;
use super::script::{REPEATED, fitted, fitting_moves, ruled_note};
use super::tries::{Attempts, TRIES};
use crate::progress::{Cancelled, Progress};
use crate::project::{CameraMove, Proposal, ScriptScene};
use crate::writer::error::WriterError;
use crate::writer::likeness;
use crate::writer::revise::{
    Asked, Batch, LEAVE_OUT, ReviseRequest, Rules, SecondAuthor, Slot, Task, Told, dialogue, examples_like, propose,
};
use crate::writer::scenes::SCENE_STEPS;
use crate::writer::script::{OnEvent, WriterEvent};
use crate::writer::tidy::flat;
use crate::writer::{CameraRequest, DescribeRequest};

/// Gets an answer as it grows, and how it ended once it has; says then what is missing.
type Take<'a> = dyn FnMut(&str, Option<End>) -> Result<Option<String>, Cancelled> + 'a;

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
        while attempts.made < TRIES {
            let mut conversation = dialogue(&self.prompts, told, attempts.examples);
            if let Some(missing) = &attempts.missing {
                conversation.user(format!(
                    "Your last answer could not be used: {missing}. Answer in the form of the examples, with nothing else."
                ));
            }
            let sampling = (&request.sampling, request.seed.wrapping_add(attempts.made as u64));
            let answer =
                self.ask(&messages(&conversation), None, sampling, progress, &mut |text| take(text, None).map(drop));
            match answer {
                Ok((text, end)) => match take(&text, Some(end))? {
                    None => return Ok(()),
                    Some(reason) => attempts.lacked(reason),
                },
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
        let mut coming = Coming { wanted: &wanted, done: Vec::new(), reason: None };
        self.ask_about(&told, request, progress, &mut |text, end| {
            let answer = read(text, end == Some(End::Done));
            coming.hear(&answer, batch);
            let mut growing = coming.done.clone();
            proposal.items = assemble(&growing);
            if end.is_none() {
                growing.extend(coming.growing(answer));
                let shown = Proposal { items: assemble(&growing), ..proposal.clone() };
                (batch.on_event)(WriterEvent::Proposal(&shown));
                progress.step(coming.done.len() as u64 * SCENE_STEPS, wanted.len() as u64 * SCENE_STEPS)?;
            }
            Ok(end.and_then(|end| coming.missing(end)))
        })?;
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
            Ok((gone.len() < count).then(|| format!("it names {} of {count} scenes that can be left out", gone.len())))
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
    done: Vec<ScriptScene>,
    /// Why the last scene that was left out was left out.
    reason: Option<String>,
}

impl Coming<'_> {
    /// Takes in the whole scenes of an answer that is still growing: those before the first that cannot be used.
    fn hear(&mut self, answer: &Answer, batch: &mut Batch) {
        let whole = answer.scenes.len().saturating_sub(usize::from(!answer.complete));
        // An answer is read again from its beginning each time.
        self.done.clear();
        self.reason = None;
        let mut cast = batch.cast.clone();
        for (rules, scene) in self.wanted.iter().zip(&answer.scenes[..whole]) {
            let scene = ScriptScene { camera: rules.camera, ..scene.clone() };
            let repeats = |action: &str| {
                let is = |known: &String| known == action;
                let alike = |known: &String| likeness(known, action) > REPEATED;
                match () {
                    () if rules.forbidden.iter().any(is) => Some("before"),
                    () if rules.unlike.iter().any(alike) => Some("another one"),
                    () if self.done.iter().any(|scene| alike(&scene.prompt)) => Some("the one before it"),
                    () => None,
                }
            };
            match fitted(scene, rules.number, rules.place.clone(), &repeats, &mut cast) {
                Ok(scene) => self.done.push(scene),
                Err(reason) => {
                    self.reason = Some(reason);
                    break;
                }
            }
        }
        if self.done.len() == self.wanted.len() {
            *batch.cast = cast;
        }
    }

    /// The scene that is growing.
    fn growing(&self, answer: Answer) -> Option<ScriptScene> {
        let rules = self.wanted.get(self.done.len()).filter(|_| self.reason.is_none())?;
        let scene = answer.scenes.into_iter().nth(self.done.len())?;
        Some(ScriptScene { camera: rules.camera, ..scene })
    }

    /// What an answer lacks that ended in this way.
    fn missing(&mut self, end: End) -> Option<String> {
        let (had, wanted) = (self.done.len(), self.wanted.len());
        let usual = || end.problem().map_or_else(|| format!("it held {had} of {wanted} scenes"), str::to_owned);
        (had < wanted).then(|| self.reason.take().unwrap_or_else(usual))
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
