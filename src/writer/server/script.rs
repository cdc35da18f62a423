//! A whole script from a server: scene by scene, checked, and asked for again where something is missing.

use super::answer::{Answer, plain, read};
use super::ask::{Form, Question, camera_messages};
use super::http::{End, Failure};
use super::tries::Attempts;
use super::{ServerWriter, heard_enough};
use crate::progress::{Cancelled, Progress};
use crate::project::{CameraMove, Direction, ScriptScene, Speed};
use crate::writer::camera::free_directions;
use crate::writer::casting::{candidates, occurrence};
use crate::writer::error::WriterError;
use crate::writer::examples::read_camera;
use crate::writer::likeness;
use crate::writer::plan::{Plan, PremiseNames, is_english};
use crate::writer::sampler::Sampling;
use crate::writer::scenes::SCENE_STEPS;
use crate::writer::script::{NOT_ENGLISH, OnEvent, WriteRequest, WriterEvent, Written};
use crate::writer::text::rule_camera;
use crate::writer::tidy::{Cast, flat, tidy_name, tidy_prompt};

/// A premise is sent up to this many characters, as much as the writers of this machine read.
const MOST_PREMISE: usize = 5000;
/// An action that is more alike to an earlier one than this says the same.
pub(super) const REPEATED: f32 = 0.8;
/// An action has at least so many words.
const LEAST_WORDS: usize = 3;
/// A name has at most so many.
const NAME_WORDS: usize = 5;
const ACTION_WORDS: usize = 45;

/// The scenes of a script that is coming.
struct Coming<'a, 'b> {
    cast: Cast,
    plan: Plan,
    done: Vec<ScriptScene>,
    /// How many scenes of the present answer were looked at.
    read: usize,
    most: usize,
    /// Why the last scene that was left out was left out.
    reason: Option<String>,
    progress: &'a dyn Progress,
    on_event: &'a mut OnEvent<'b>,
}

impl ServerWriter {
    /// Writes a script: the same request, events and promises as [`crate::writer::Writer::write`], but for the seed, which
    /// a server may or may not heed.
    ///
    /// # Errors
    /// When the server fails, or its answers do not make a whole script; scenes that were told are whole all the same.
    pub fn write(
        &mut self,
        request: &WriteRequest,
        progress: &dyn Progress,
        on_event: &mut OnEvent,
    ) -> Result<Written, WriterError> {
        let counts = request.counts()?;
        let counts = [counts[0] as usize, counts[counts.len() - 1] as usize];
        request.sampling.check()?;
        let premise = plain_premise(&request.premise)?;
        let mut written = Written::default();
        let used = shorten(&premise, MOST_PREMISE);
        if used.len() < premise.len() {
            let (read, all) = (used.chars().count(), premise.chars().count());
            written.notes.push(format!("The premise is long: the writer read its first {read} of {all} characters."));
        }
        let in_english = !is_english(used);
        if in_english {
            written.notes.push(NOT_ENGLISH.to_owned());
        }
        progress.stage("asking the server");
        self.model(progress)?;

        let look = plain(&request.style);
        let look = if look.is_empty() { look } else { format!("\nLook: {look}") };
        let asked = self.prompts.fill("script_request.txt", &[("premise", used), ("look", &look)]);
        let mut coming = Coming {
            cast: Cast::of(PremiseNames::of(used).cast, Vec::new()),
            plan: Plan::default(),
            done: Vec::new(),
            read: 0,
            most: counts[1],
            reason: None,
            progress,
            on_event,
        };
        progress.stage("writing the scenes");
        self.ask_for_scenes(request, &asked, counts, in_english, &mut coming, &mut written)?;
        let Coming { done, plan, .. } = coming;
        written.script.scenes = done;
        written.story = plan.story.join(" ").trim().to_owned();
        written.english = plan.english.filter(|_| in_english);
        self.plan_the_camera(request, &asked, progress, on_event, &mut written)?;
        Ok(written)
    }

    fn ask_for_scenes(
        &mut self,
        request: &WriteRequest,
        asked: &str,
        counts: [usize; 2],
        in_english: bool,
        coming: &mut Coming,
        written: &mut Written,
    ) -> Result<(), WriterError> {
        let all = self.prompts.script_examples.len();
        let mut attempts = Attempts::with(all);
        while coming.done.len() < counts[0] {
            let Attempts { made: tries, examples, ref missing, .. } = attempts;
            if attempts.are_over() {
                let (had, wanted) = (coming.done.len(), counts[0]);
                let reason = missing.clone().unwrap_or_else(|| "it gave too few scenes".to_owned());
                let address = self.connection.spec.address.clone();
                return Err(WriterError::ServerScript { address, had, wanted, tries, reason });
            }
            let form = if self.takes_schema { Form::Json } else { Form::Lines };
            let (done, plan) = (coming.done.clone(), coming.plan.clone());
            let complaint = missing.as_deref();
            let question =
                Question { form, examples, request: asked, counts, done: &done, plan: &plan, in_english, complaint };
            let schema = (form == Form::Json).then(|| question.schema());
            let messages = question.messages(&self.prompts);
            coming.begin();
            let seed = request.seed.wrapping_add(tries as u64);
            let answer = self.ask(&messages, schema, (&request.sampling, seed), coming.progress, &mut |text| {
                coming.hear(&read(text, false))?;
                heard_enough(coming.done.len() == coming.most)
            });
            match answer {
                Ok((text, end)) => {
                    // What ended in the middle of a scene leaves that scene out.
                    coming.hear(&read(&text, end == End::Done))?;
                    let none = coming.done.len() == done.len();
                    let usual = if none { "it held no scenes" } else { "it held too few scenes" };
                    let reason = coming.reason.take().unwrap_or_else(|| end.problem().unwrap_or(usual).to_owned());
                    if none { attempts.lacked(reason) } else { attempts.brought_some(reason) }
                }
                Err(failure) => self.ask_again_after(failure, &mut attempts)?,
            }
        }
        let examples = attempts.examples;
        if examples < all {
            written
                .notes
                .push(format!("The server's model reads little at once: it was shown {examples} of {all} examples."));
        }
        Ok(())
    }

    /// Asks for the camera of all scenes, and hears what became of it.
    fn plan_the_camera(
        &mut self,
        request: &WriteRequest,
        asked: &str,
        progress: &dyn Progress,
        on_event: &mut OnEvent,
        written: &mut Written,
    ) -> Result<(), WriterError> {
        let scenes = &mut written.script.scenes;
        let (said, problem) = match self.ask_for_moves(asked, scenes, (&request.sampling, request.seed), progress) {
            Ok(said) => (said, None),
            Err(Failure::Cancelled(cancelled)) => return Err(cancelled.into()),
            Err(Failure::Server(problem)) => (vec![None; scenes.len()], Some(problem)),
        };
        let fixed = vec![None; scenes.len()];
        let (moves, ruled) = fitting_moves(scenes, &fixed, said);
        written.notes.extend(match problem {
            Some(problem) => Some(format!("The camera follows the words of the scenes: {problem}.")),
            None => ruled_note(ruled, moves.len()),
        });
        for (index, (scene, camera)) in scenes.iter_mut().zip(moves).enumerate() {
            scene.camera = camera;
            on_event(WriterEvent::Camera { index, camera });
        }
        Ok(())
    }

    /// The moves that the server gives for these scenes, as far as they can be read.
    pub(super) fn ask_for_moves(
        &mut self,
        asked: &str,
        scenes: &[ScriptScene],
        sampling: (&Sampling, u64),
        progress: &dyn Progress,
    ) -> Result<Vec<Option<CameraMove>>, Failure> {
        progress.stage("planning the camera");
        let messages = camera_messages(&self.prompts, asked, scenes);
        let (text, _) = self.ask(&messages, None, sampling, progress, &mut |_| heard_enough(false))?;
        Ok(read_moves(&text, scenes.len()))
    }
}

/// A move for each scene: the fixed one, what was said if it does not repeat its neighbours, or else one that follows the
/// words of the scene; and how many of these there are.
pub(super) fn fitting_moves(
    scenes: &[ScriptScene],
    fixed: &[Option<CameraMove>],
    said: Vec<Option<CameraMove>>,
) -> (Vec<CameraMove>, usize) {
    let mut moves: Vec<CameraMove> = Vec::new();
    let mut ruled = 0;
    for (index, (scene, said)) in scenes.iter().zip(said).enumerate() {
        let free = free_directions(&moves, fixed);
        let fits = |camera: &CameraMove| free.contains(&camera.direction);
        let camera = fixed[index].or(said.filter(fits)).unwrap_or_else(|| {
            ruled += 1;
            let last = moves.last().map(|last: &CameraMove| last.direction);
            let first = free.first().copied().unwrap_or(Direction::Static);
            Some(rule_camera(&scene.prompt, index, last)).filter(fits).unwrap_or(CameraMove::new(first, Speed::Slow))
        });
        moves.push(camera);
    }
    (moves, ruled)
}

pub(super) fn ruled_note(ruled: usize, count: usize) -> Option<String> {
    let note =
        || format!("The camera of {ruled} of {count} scenes follows their words: what the server said does not fit.");
    (ruled > 0).then(note)
}

impl Coming<'_, '_> {
    /// Another answer begins.
    fn begin(&mut self) {
        self.read = 0;
        self.reason = None;
    }

    /// Takes in what there is of an answer: whole scenes stay, the one that grows is shown.
    fn hear(&mut self, answer: &Answer) -> Result<(), Cancelled> {
        if self.done.is_empty() && answer.plan != Plan::default() {
            self.plan = answer.plan.clone();
            let story = self.plan.story.join(" ");
            (self.on_event)(WriterEvent::Story(story.trim()));
        }
        let whole = answer.scenes.len().saturating_sub(usize::from(!answer.complete));
        while self.read < whole && self.done.len() < self.most {
            let scene = answer.scenes[self.read].clone();
            self.read += 1;
            match self.check(scene) {
                Ok(scene) => {
                    let index = self.done.len();
                    (self.on_event)(WriterEvent::Scene { index, scene: &scene, complete: true });
                    self.done.push(scene);
                }
                Err(reason) => self.reason = Some(reason),
            }
        }
        let index = self.done.len();
        if let Some(scene) = answer.scenes.get(self.read).filter(|_| index < self.most && !answer.complete) {
            (self.on_event)(WriterEvent::Scene { index, scene, complete: false });
        }
        self.progress.step(index as u64 * SCENE_STEPS, self.most as u64 * SCENE_STEPS)
    }

    /// Makes a scene fit the film.
    fn check(&mut self, scene: ScriptScene) -> Result<ScriptScene, String> {
        let done = &self.done;
        let place = done.last().map(|last| &last.background).or(self.plan.places.first()).cloned();
        let repeats = |action: &str| {
            let alike =
                |earlier: &ScriptScene| likeness(&earlier.prompt, action) > REPEATED || earlier.prompt == action;
            done.iter().any(alike).then_some("an earlier one")
        };
        let mut scene = fitted(scene, done.len() + 1, place, &repeats, &mut self.cast)?;
        let last = self.done.last().map(|scene| scene.camera.direction);
        scene.camera = rule_camera(&scene.prompt, self.done.len(), last);
        Ok(scene)
    }
}

/// Makes a scene fit the film: the same names for the same things, and only what its action shows. Where it has no place,
/// it gets `place`; `repeats` tells what an action says again.
pub(super) fn fitted(
    scene: ScriptScene,
    number: usize,
    place: Option<String>,
    repeats: &dyn Fn(&str) -> Option<&'static str>,
    cast: &mut Cast,
) -> Result<ScriptScene, String> {
    let action: Vec<&str> = scene.prompt.split(' ').take(ACTION_WORDS).collect();
    let action = tidy_prompt(&action.join(" "));
    if action.split(' ').count() < LEAST_WORDS || !action.chars().any(char::is_alphabetic) {
        return Err(format!("scene {number} has no action"));
    }
    if let Some(other) = repeats(&action) {
        return Err(format!("scene {number} says the same as {other}"));
    }
    let said = Some(tidy_name(&words(&scene.background))).filter(|place| !place.is_empty());
    let Some(background) = said.or(place) else { return Err(format!("scene {number} has no place")) };
    let (action, seen) = candidates(&action, &background, cast);
    let mut foreground: Vec<String> = Vec::new();
    let said = scene.foreground.iter().map(|name| tidy_name(&words(name)));
    let said = said.filter(|name| !name.is_empty() && occurrence(&action, name).is_some());
    let certain = seen.iter().filter(|name| name.certain).map(|name| name.name.clone());
    for name in certain.chain(said) {
        let part_of = |known: &String| occurrence(known, &name).is_some() || occurrence(&name, known).is_some();
        if !foreground.iter().any(part_of) {
            foreground.push(name);
        }
    }
    if foreground.is_empty() {
        foreground = seen.into_iter().map(|name| name.name).collect();
    }
    let scene = cast.admit(ScriptScene { prompt: action, foreground, background, camera: scene.camera });
    match scene.foreground.is_empty() || scene.background.is_empty() {
        true => Err(format!("scene {number} shows nobody and nothing by name")),
        false => Ok(scene),
    }
}

/// A name of few words.
fn words(name: &str) -> String {
    plain(&name.replace(',', " "))
        .split(' ')
        .take(NAME_WORDS)
        .collect::<Vec<_>>()
        .join(" ")
        .trim_end_matches('.')
        .to_owned()
}

/// A premise in one line.
pub(super) fn plain_premise(premise: &str) -> Result<String, WriterError> {
    let premise = flat(premise);
    if premise.chars().any(char::is_alphanumeric) { Ok(premise) } else { Err(WriterError::EmptyPremise) }
}

/// The beginning of a text, up to so many characters, ending with a word.
pub(super) fn shorten(text: &str, most: usize) -> &str {
    let Some((end, _)) = text.char_indices().nth(most) else { return text };
    let cut = &text[..end];
    &cut[..cut.rfind(' ').filter(|at| *at > end / 2).unwrap_or(end)]
}

/// Reads "1: left slow" and what else models make of it, for so many scenes.
fn read_moves(text: &str, count: usize) -> Vec<Option<CameraMove>> {
    let mut moves = vec![None; count];
    for line in text.lines() {
        let line = line.to_lowercase().replace(['*', '#', '|', '"', ',', '-'], " ");
        let line = line.trim().trim_start_matches("scene").trim_start();
        let digits = line.find(|c: char| !c.is_ascii_digit()).unwrap_or(line.len());
        let Some(number) = line[..digits].parse::<usize>().ok().filter(|number| (1..=count).contains(number)) else {
            continue;
        };
        let rest = line[digits..].trim_start_matches([':', '.', ')', ' ']);
        let rest = rest.trim_start_matches("camera").trim_start_matches([':', ' ']);
        moves[number - 1] = read_camera(rest).ok();
    }
    moves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_read_in_many_spellings() {
        let text = "1: left slow\n**2.** Up, fast\nScene 3: camera: static\n4) sideways\n9: down slow\nand so on";
        let moves = read_moves(text, 4);
        let expected = [
            Some(CameraMove::new(Direction::Left, Speed::Slow)),
            Some(CameraMove::new(Direction::Up, Speed::Fast)),
            Some(CameraMove::new(Direction::Static, Speed::default())),
            None,
        ];
        assert_eq!(moves, expected);
    }
}
