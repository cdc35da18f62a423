//! What a reader would remark on a script: repeated scenes, names that the words do not show, places that change for no
//! reason, pronouns without a name, a camera that does the same again. Rules find it, fast and without a model; each
//! remark knows its repair.

use super::revise::Revision;
use super::telling_words;
use super::text::{camera_between, phrases};
use super::tidy::{flat, is_same, singular};
use crate::project::{
    CameraMove, Change, Direction, Project, Proposal, ProposalItem, Scene, SceneId, ScriptScene, entity_key, find_name,
    replace_name,
};
use std::collections::HashMap;

/// Two scenes that are more alike than this say the same.
const REPEATED: f32 = 0.6;
/// From so many scenes on, a film has to have as many directions as [`FEWEST_DIRECTIONS`].
const LONG: usize = 5;
const FEWEST_DIRECTIONS: usize = 3;

/// A remark on a scene.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Finding {
    /// The scene that it is about, and that its repair changes.
    pub scene: SceneId,
    /// What is the matter.
    pub remark: Remark,
}

/// What is the matter with a scene.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Remark {
    /// Its words say much the same as those of an earlier one.
    Repeats {
        /// The earlier scene.
        earlier: SceneId,
    },
    /// It lists somebody or something that its words do not show.
    Unseen {
        /// The name.
        name: String,
        /// What the words call it instead: "man" for "young man".
        called: Option<String>,
    },
    /// Its place is another one than before, and its words give no reason.
    PlaceChanges {
        /// The place that it seems to play in.
        place: String,
    },
    /// A pronoun that stands for nobody: a picture of "she" shows anybody.
    Pronoun {
        /// The pronoun, as it is spelt.
        word: String,
        /// Whom it stands for, where only one can be meant.
        name: Option<String>,
    },
    /// Its camera moves as in the scene before.
    SameCamera,
    /// The whole film has few different camera moves. Said of its first scene that is not locked.
    FewMoves {
        /// How many directions there are.
        directions: usize,
    },
}

/// What mends what a finding is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Repair {
    /// Rules know how.
    Rule(Proposal),
    /// The writer has to be asked.
    Writer(Revision),
}

/// What there is to remark on a film, in film order. Locked scenes are done, and nothing is remarked on them.
pub fn check(project: &Project) -> Vec<Finding> {
    let scenes = &project.scenes;
    let mut found = Vec::new();
    let few = few_moves(scenes);
    let repeated = repeated(scenes);
    let first_free = scenes.iter().position(|scene| !scene.locked);
    for (index, scene) in scenes.iter().enumerate().filter(|(_, scene)| !scene.locked) {
        let mut add = |remark: Remark| found.push(Finding { scene: scene.id, remark });
        if let Some(directions) = few.filter(|_| Some(index) == first_free) {
            add(Remark::FewMoves { directions });
        }
        if let Some(earlier) = repeated[index] {
            add(Remark::Repeats { earlier: scenes[earlier].id });
        }
        let pronoun = unnamed_pronoun(scene);
        let meant = match &pronoun {
            Some(Remark::Pronoun { name, .. }) => name.clone(),
            _ => None,
        };
        pronoun.into_iter().for_each(&mut add);
        for name in scene.foreground.iter().filter(|name| Some(*name) != meant.as_ref()) {
            if !scene.prompt.trim().is_empty() && !shows(&scene.prompt, name) {
                add(Remark::Unseen { name: name.clone(), called: called(scene, name) });
            }
        }
        place_changes(scenes, index).map(|place| Remark::PlaceChanges { place }).into_iter().for_each(&mut add);
        let before = index.checked_sub(1).map(|before| &scenes[before]);
        if few.is_none() && before.is_some_and(|before| before.camera.direction == scene.camera.direction) {
            add(Remark::SameCamera);
        }
    }
    found
}

/// All that rules can repair, as one proposal with an item for each scene, and how many remarks are left for the writer.
pub fn repair_by_rules(project: &Project) -> (Proposal, usize) {
    let mut mended = project.clone();
    // A repair may give way to another one, such as a new camera beside the next scene's; never for long.
    for _ in 0..project.scenes.len() * 4 {
        let rule = check(&mended).into_iter().find_map(|finding| match finding.repair(&mended) {
            Repair::Rule(proposal) => Some(proposal),
            Repair::Writer(_) => None,
        });
        let Some(proposal) = rule else { break };
        let all: Vec<usize> = (0..proposal.items.len()).collect();
        match proposal.to_edit(&mut mended, &all).map(|edit| mended.apply(edit)) {
            Some(Ok(_)) => {}
            _ => break,
        }
    }
    (Proposal::of_difference("repair of remarks", project, &mended), check(&mended).len())
}

impl Remark {
    /// Its name for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Repeats { .. } => "repeats",
            Self::Unseen { .. } => "unseen",
            Self::PlaceChanges { .. } => "place-changes",
            Self::Pronoun { .. } => "pronoun",
            Self::SameCamera => "same-camera",
            Self::FewMoves { .. } => "few-moves",
        }
    }
}

impl Finding {
    /// The remark in a whole sentence.
    pub fn text(&self, project: &Project) -> String {
        let number = |id: SceneId| project.scene_index(id).map_or(0, |index| index + 1);
        let background = project.scene(self.scene).map_or("", |scene| &scene.background);
        match &self.remark {
            Remark::Repeats { earlier } => format!("It says much the same as scene {}.", number(*earlier)),
            Remark::Unseen { name, called: None } => format!("It lists \"{name}\", but its words do not show it."),
            Remark::Unseen { name, called: Some(called) } => {
                format!("Its words say \"{called}\" for \"{name}\": the same name makes the same picture.")
            }
            Remark::PlaceChanges { place } => {
                format!("The place becomes \"{background}\" for no reason; the story seems to be in \"{place}\".")
            }
            Remark::Pronoun { word, .. } => format!("\"{word}\" could be anybody: a picture needs a name."),
            Remark::SameCamera => "The camera moves as in the scene before.".to_owned(),
            Remark::FewMoves { directions: 1 } => "The camera moves the same way in the whole film.".to_owned(),
            Remark::FewMoves { directions } => format!("The whole film has only {directions} camera moves."),
        }
    }

    /// What mends it.
    pub fn repair(&self, project: &Project) -> Repair {
        let id = self.scene;
        let rewrite = |change: &str| Repair::Writer(Revision::Rewrite { scene: id, change: change.to_owned() });
        let rule = |mend: &dyn Fn(&mut ScriptScene)| {
            let before = project.script_scene(id).unwrap_or_default();
            let mut after = before.clone();
            mend(&mut after);
            let title = format!("Scene {}", project.scene_index(id).map_or(0, |index| index + 1));
            let items = vec![ProposalItem { title, changes: vec![Change::Scene { id, before, after }] }];
            Repair::Rule(Proposal { title: "repair of a remark".to_owned(), items, notes: Vec::new() })
        };
        match &self.remark {
            Remark::Repeats { .. } => rewrite("show something else, the next step of the story"),
            Remark::Unseen { name, called: None } => rewrite(&format!("the {name} is in the picture, too")),
            Remark::Unseen { name, called: Some(called) } => rule(&|scene| {
                let others: Vec<&str> = scene.foreground.iter().filter(|n| *n != name).map(String::as_str).collect();
                scene.prompt = replace_name(&scene.prompt, called, name, &others);
            }),
            Remark::PlaceChanges { place } => rule(&|scene| place.clone_into(&mut scene.background)),
            Remark::Pronoun { name: None, .. } => rewrite("say by name who does it"),
            Remark::Pronoun { word, name: Some(name) } => rule(&|scene| {
                if let Some(at) = find_name(&scene.prompt, word) {
                    let named = super::grammar::subject(name);
                    let is_start = scene.prompt[..at.start].trim().is_empty();
                    let named = if is_start { named } else { named.replacen("The ", "the ", 1) };
                    scene.prompt.replace_range(at, &named);
                }
            }),
            Remark::SameCamera => rule(&|scene| scene.camera = other_camera(project, id, &scene.prompt)),
            Remark::FewMoves { .. } => Repair::Writer(Revision::Cameras),
        }
    }

    /// The same for the same remark on the same words, whichever scene it is: what the user does not want to hear of is
    /// remembered by it.
    pub fn key(&self, project: &Project) -> u64 {
        let scene = project.script_scene(self.scene).unwrap_or_default();
        let earlier = match &self.remark {
            Remark::Repeats { earlier } => project.script_scene(*earlier).unwrap_or_default().prompt,
            _ => String::new(),
        };
        let about = match &self.remark {
            Remark::Unseen { name, .. } | Remark::PlaceChanges { place: name } => name,
            _ => "",
        };
        let name = self.remark.name();
        let text = format!("{name}\n{about}\n{}\n{}\n{earlier}", scene.prompt, scene.background);
        let hash = blake3::hash(text.as_bytes());
        u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("a hash has 32 bytes"))
    }
}

/// For each scene the first earlier one that says much the same: the same words, or a [`super::likeness`] of at least
/// [`REPEATED`]. Every word knows its scenes, so that a long film is not compared scene by scene.
fn repeated(scenes: &[Scene]) -> Vec<Option<usize>> {
    let mut texts: HashMap<String, usize> = HashMap::new();
    let mut scenes_of: HashMap<String, Vec<usize>> = HashMap::new();
    let mut counts = Vec::with_capacity(scenes.len());
    let mut repeated = Vec::with_capacity(scenes.len());
    for (index, scene) in scenes.iter().enumerate() {
        let words = telling_words(&scene.prompt);
        counts.push(words.len());
        let mut shared = vec![0; index];
        for word in &words {
            scenes_of.get(word).into_iter().flatten().for_each(|earlier| shared[*earlier] += 1);
        }
        let alike = (0..index).find(|earlier| {
            let all = counts[*earlier] + words.len() - shared[*earlier];
            all > 0 && shared[*earlier] as f32 / all as f32 >= REPEATED
        });
        let text = flat(&scene.prompt.to_lowercase());
        let same = texts.get(&text).copied().filter(|_| !text.is_empty());
        repeated.push(alike.into_iter().chain(same).min());
        texts.entry(text).or_insert(index);
        words.into_iter().for_each(|word| scenes_of.entry(word).or_default().push(index));
    }
    repeated
}

/// Words of a text in lower case and singular.
fn stems(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '-').filter(|word| !word.is_empty());
    words.map(|word| singular(&word.to_lowercase())).collect()
}

/// Whether a text spells a name, whatever its number and capitals.
fn shows(text: &str, name: &str) -> bool {
    let (text, name) = (stems(text), stems(&entity_key(name)));
    name.is_empty() || text.windows(name.len()).any(|words| words == name)
}

/// What a scene's words call somebody of its list whose whole name they do not have: the last word of it, unless that
/// stands for somebody else.
fn called(scene: &Scene, name: &str) -> Option<String> {
    let head = name.split_whitespace().next_back()?;
    if head == name {
        return None;
    }
    let others = scene.foreground.iter().filter(|other| *other != name);
    let mut rest = scene.prompt.clone();
    for other in others {
        while let Some(at) = find_name(&rest, other) {
            rest.replace_range(at, "");
        }
    }
    find_name(&rest, head).map(|at| rest[at].to_owned())
}

/// Whether a text names a place, by its last word.
fn names_place(text: &str, place: &str) -> bool {
    place.split_whitespace().next_back().is_some_and(|head| shows(text, head))
}

/// The place that a scene should have, if its own changes for no reason: it is a near copy of an earlier name, or leaves
/// the scenes around it although its words do not.
fn place_changes(scenes: &[Scene], index: usize) -> Option<String> {
    let scene = &scenes[index];
    let own = scene.background.trim();
    let before = scenes[index.checked_sub(1)?].background.trim();
    if own.is_empty() || before.is_empty() || own == before {
        return None;
    }
    let earlier = scenes[..index]
        .iter()
        .map(|scene| scene.background.trim())
        .find(|place| *place != own && !place.is_empty() && is_same(place, own));
    let own_is_new = scenes[..index].iter().all(|scene| scene.background.trim() != own);
    if let Some(earlier) = earlier.filter(|_| own_is_new && find_name(&scene.prompt, own).is_none()) {
        return Some(earlier.to_owned());
    }
    if names_place(&scene.prompt, own) {
        return None;
    }
    let comes_back = scenes.get(index + 1).is_some_and(|next| next.background.trim() == before);
    (comes_back || names_place(&scene.prompt, before)).then(|| before.to_owned())
}

/// A pronoun in front of which nobody is named.
fn unnamed_pronoun(scene: &Scene) -> Option<Remark> {
    let text = &scene.prompt;
    let mut at = 0;
    for (nth, word) in text.split_whitespace().enumerate() {
        let start = at + text[at..].find(word)?;
        at = start + word.len();
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let lower = bare.to_lowercase();
        let is_one = matches!(lower.as_str(), "he" | "she" | "they" | "him" | "them") || lower == "it" && nth == 0;
        if !is_one || phrases(&text[..start]).iter().any(|phrase| !phrase.is_place()) {
            continue;
        }
        let hidden: Vec<&String> = scene.foreground.iter().filter(|name| !shows(text, name)).collect();
        let name = match hidden.as_slice() {
            // "They run" is no "The dog run".
            [one] if !matches!(lower.as_str(), "they" | "them") => Some((*one).clone()),
            // Whom the film lists first is whom it is about.
            [first, ..]
                if matches!(lower.as_str(), "he" | "she" | "him") && scene.foreground.first() == Some(*first) =>
            {
                Some((*first).clone())
            }
            _ => None,
        };
        return Some(Remark::Pronoun { word: bare.to_owned(), name });
    }
    None
}

/// How many directions the camera of a long film has, if they are few.
fn few_moves(scenes: &[Scene]) -> Option<usize> {
    let mut directions: Vec<Direction> = Vec::new();
    for scene in scenes {
        if !directions.contains(&scene.camera.direction) {
            directions.push(scene.camera.direction);
        }
    }
    (scenes.len() >= LONG && directions.len() < FEWEST_DIRECTIONS).then_some(directions.len())
}

fn other_camera(project: &Project, id: SceneId, prompt: &str) -> CameraMove {
    let Some(index) = project.scene_index(id) else { return CameraMove::default() };
    let scene = |index: Option<usize>| index.and_then(|index| project.scenes.get(index));
    camera_between([scene(index.checked_sub(1)), scene(Some(index + 1))], index, prompt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{Script, Speed};

    fn film(scenes: &[(&str, &[&str], &str, Direction)]) -> Project {
        let scene = |(prompt, names, place, direction): &(&str, &[&str], &str, Direction)| ScriptScene {
            prompt: (*prompt).to_owned(),
            foreground: names.iter().map(|name| (*name).to_owned()).collect(),
            background: (*place).to_owned(),
            camera: CameraMove::new(*direction, Speed::Slow),
        };
        let mut project = Project::new("");
        let script = Script { scenes: scenes.iter().map(scene).collect() };
        for edit in script.insert_edits(&mut project.clone(), 0) {
            project.apply(edit).unwrap();
        }
        project
    }

    fn remarks(project: &Project) -> Vec<(usize, Remark)> {
        let number = |id| project.scene_index(id).unwrap() + 1;
        check(project).into_iter().map(|finding| (number(finding.scene), finding.remark)).collect()
    }

    #[test]
    fn a_good_script_gets_no_remarks() {
        let project = crate::writer::script_from_text(
            "Mia opens the old door. Mia finds a lantern in the cellar. The lantern lights up the cellar.",
        );
        let mut film = Project::new("");
        for edit in project.unwrap().insert_edits(&mut film.clone(), 0) {
            film.apply(edit).unwrap();
        }
        assert_eq!(remarks(&film), []);
        assert_eq!(remarks(&Project::new("")), []);
    }

    #[test]
    fn each_remark_is_found_and_its_repair_by_rule_leaves_none() {
        use Direction::{Left, Right, Up};
        let project = film(&[
            ("The young man whisks eggs in the kitchen.", &["young man", "eggs"], "kitchen", Left),
            ("The man opens the oven.", &["young man", "oven"], "kitchen", Right),
            ("She laughs at the cake.", &["girl", "cake"], "garden", Up),
            ("The girl eats cake under a lamp.", &["girl", "cake"], "kitchen", Up),
        ]);
        let text = |text: &str| text.to_owned();
        let expected = [
            (2, Remark::Unseen { name: text("young man"), called: Some(text("man")) }),
            (3, Remark::Pronoun { word: text("She"), name: Some(text("girl")) }),
            (3, Remark::PlaceChanges { place: text("kitchen") }),
            (4, Remark::SameCamera),
        ];
        assert_eq!(remarks(&project), expected);
        let (proposal, left) = repair_by_rules(&project);
        assert_eq!(left, 0);
        let mut mended = project.clone();
        let edit = proposal.to_edit(&mut mended, &[0, 1, 2]).unwrap();
        let undo = mended.apply(edit).unwrap();
        assert_eq!(mended.scenes[1].prompt, "The young man opens the oven.");
        assert_eq!(mended.scenes[2].prompt, "The girl laughs at the cake.");
        assert_eq!(mended.scenes[2].background, "kitchen");
        assert_eq!(remarks(&mended), []);
        mended.apply(undo).unwrap();
        assert_eq!(mended.scenes, project.scenes);
    }

    #[test]
    fn the_writer_is_asked_where_rules_do_not_know() {
        use Direction::Left;
        let scene = |prompt: &'static str| (prompt, &["girl"][..], "", Left);
        let project = film(&[
            scene("The girl paints a boat on the wall."),
            scene("The girl paints a boat on the wall again."),
            scene("A dog sleeps."),
            scene("They dance, and the girl sings."),
            scene("The girl sits beside Tom while he sings."),
        ]);
        let found = remarks(&project);
        let first = project.scenes[0].id;
        let expected = [
            (1, Remark::FewMoves { directions: 1 }),
            (2, Remark::Repeats { earlier: first }),
            (3, Remark::Unseen { name: "girl".to_owned(), called: None }),
            (4, Remark::Pronoun { word: "They".to_owned(), name: None }),
        ];
        assert_eq!(found, expected);
        assert!(check(&project).iter().all(|finding| matches!(finding.repair(&project), Repair::Writer(_))));
        assert!(repair_by_rules(&project).0.is_empty());
        assert!(check(&project).iter().all(|finding| !finding.text(&project).is_empty()));
    }

    #[test]
    fn nothing_is_remarked_on_locked_scenes_and_ignored_remarks_are_known_again() {
        use Direction::{Left, Right};
        let mut project = film(&[("The dog runs.", &["cat"], "", Left), ("The cat sits.", &["cat"], "", Right)]);
        let key = check(&project)[0].key(&project);
        let moved = project.scenes[0].clone();
        project.scenes.push(moved);
        project.scenes.remove(0);
        assert_eq!(check(&project)[0].key(&project), key);
        project.scenes.iter_mut().for_each(|scene| scene.locked = true);
        assert_eq!(remarks(&project), []);
    }
}
