//! What the parser of the released VideoStudio code makes of a planner's answer: the same verdict, the same entities.
//!
//! It is strict where it does not matter and lenient where it does, and it is kept so: scripts that were made with the
//! original can be checked against it. For scripts that are to be used, [`super::read_script`] mends what it can.

/// What the original is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How many steps a script has, exactly.
    pub steps: usize,
    /// How many of the most frequent entities are kept.
    pub top_k: usize,
    /// How often the model is asked before the original gives up.
    pub max_try: u32,
    /// In how many attempts the word "camera" rejects an answer.
    pub camera_check_attempts: u32,
}

impl Default for Rules {
    /// Those of the release.
    fn default() -> Self {
        Self { steps: 4, top_k: 1, max_try: 5, camera_check_attempts: 3 }
    }
}

/// Why the original asks its model again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// All attempts are used up.
    #[error("attempt {attempt} is beyond the last one ({max_try})")]
    GivenUp {
        /// The attempt.
        attempt: u32,
        /// The last one that counts.
        max_try: u32,
    },
    /// A line is not of the form.
    #[error("line {line} does not begin with \"[step_{line}: \" and end with \"]\"")]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// The forbidden word.
    #[error("the answer has the word \"camera\" in it, which attempts 1 to {attempts} reject")]
    Camera {
        /// In how many attempts it is forbidden.
        attempts: u32,
    },
    /// Too many or too few steps.
    #[error("there are {found} steps in place of {wanted}")]
    Steps {
        /// How many there are.
        found: usize,
        /// How many there have to be.
        wanted: usize,
    },
    /// A step without a list of entities, or with two.
    #[error("step {step} has \"; entities: \" {times} times in place of once")]
    Entities {
        /// Counted from 1.
        step: usize,
        /// How often it is there.
        times: usize,
    },
    /// A step without a background behind its entities, or with two.
    #[error("step {step} has \"; background: \" {times} times behind its entities in place of once")]
    Background {
        /// Counted from 1.
        step: usize,
        /// How often it is there.
        times: usize,
    },
    /// A description of an entity has more than one paragraph.
    #[error("the description of \"{name}\" has a line break in it")]
    Description {
        /// The entity.
        name: String,
    },
}

/// A name and the steps that have it, counted from 0; a step that has it twice is there twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// As the answer spells it.
    pub name: String,
    /// In order.
    pub scenes: Vec<usize>,
}

/// One step of an accepted answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What happens.
    pub prompt: String,
    /// As the answer lists them; an empty list is one empty name.
    pub entities: Vec<String>,
    /// Where.
    pub background: String,
}

/// An accepted answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// In order.
    pub steps: Vec<Step>,
    /// The most frequent entities that are there twice or more, in order of appearance.
    pub entities: Vec<Kept>,
    /// The backgrounds that are there twice or more, in order of appearance.
    pub backgrounds: Vec<Kept>,
}

/// The original's result: texts, and for each scene which of the entities' texts it uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// One for each step.
    pub scene_prompt: Vec<String>,
    /// Indices into `entity_prompt`.
    pub scene_foreground: Vec<Option<usize>>,
    /// Indices into `entity_prompt`.
    pub scene_background: Vec<Option<usize>>,
    /// Descriptions of the kept names.
    pub entity_prompt: Vec<String>,
    /// How often the model was asked after the plan.
    pub queries: usize,
}

impl Plan {
    /// Reads a planner's answer as the original does in its `attempt`, counted from 1.
    pub fn parse(answer: &str, attempt: u32, rules: Rules) -> Result<Self, Reject> {
        if attempt > rules.max_try {
            return Err(Reject::GivenUp { attempt, max_try: rules.max_try });
        }
        let mut inner = Vec::new();
        for (i, line) in answer.split('\n').enumerate() {
            let step = line.strip_prefix(&format!("[step_{}: ", i + 1)).and_then(|rest| rest.strip_suffix(']'));
            inner.push(step.ok_or(Reject::Line { line: i + 1 })?);
        }
        if attempt <= rules.camera_check_attempts && answer.contains("camera") {
            return Err(Reject::Camera { attempts: rules.camera_check_attempts });
        }
        if inner.len() != rules.steps {
            return Err(Reject::Steps { found: inner.len(), wanted: rules.steps });
        }
        let steps: Vec<Step> = inner.iter().enumerate().map(|(i, text)| step(text, i + 1)).collect::<Result<_, _>>()?;
        let names = steps.iter().map(|step| step.entities.iter().map(String::as_str).collect());
        let mut entities = counted(names);
        // The most frequent ones; of equals those that came first.
        let mut ranked: Vec<usize> = (0..entities.len()).collect();
        ranked.sort_by_key(|index| std::cmp::Reverse(entities[*index].scenes.len()));
        ranked.truncate(rules.top_k);
        let mut index = 0;
        entities.retain(|kept| {
            index += 1;
            ranked.contains(&(index - 1)) && kept.scenes.len() > 1
        });
        let mut backgrounds = counted(steps.iter().map(|step| vec![step.background.as_str()]));
        backgrounds.retain(|kept| kept.scenes.len() > 1);
        Ok(Self { steps, entities, backgrounds })
    }

    /// The names that get a description, each once.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.entities.iter().map(|kept| kept.name.as_str()).collect();
        for kept in &self.backgrounds {
            if !names.contains(&kept.name.as_str()) {
                names.push(&kept.name);
            }
        }
        names
    }

    /// The original's result. `describe` answers for a name what its third question would get, `translate` gives the
    /// English of a text that has Chinese in it.
    pub fn script(
        &self,
        mut describe: impl FnMut(&str) -> String,
        mut translate: impl FnMut(&str) -> String,
    ) -> Result<Script, Reject> {
        let mut queries = 0;
        let mut descriptions = Vec::new();
        for name in self.names() {
            queries += 3;
            let description = describe(name);
            if description.contains('\n') {
                return Err(Reject::Description { name: name.to_owned() });
            }
            descriptions.push(description);
        }
        let mut in_english = |text: &str| {
            let text = if text.contains(is_chinese) {
                queries += 1;
                translate(text)
            } else {
                text.to_owned()
            };
            text.replace('\n', " ")
        };
        let scene_prompt = self.steps.iter().map(|step| in_english(&step.prompt)).collect();
        let entity_prompt = descriptions.iter().map(|text| in_english(text)).collect();
        let mut script = Script {
            scene_prompt,
            scene_foreground: vec![None; self.steps.len()],
            scene_background: vec![None; self.steps.len()],
            entity_prompt,
            queries,
        };
        for (index, name) in self.names().into_iter().enumerate() {
            let find = |list: &[Kept]| list.iter().find(|kept| kept.name == name).map(|kept| kept.scenes.clone());
            let is_entity = self.entities.iter().any(|kept| kept.name == name);
            // A name that is both is an entity, but in the scenes that have it as their background.
            let scenes = find(&self.backgrounds).or_else(|| find(&self.entities)).unwrap_or_default();
            let indices = if is_entity { &mut script.scene_foreground } else { &mut script.scene_background };
            for scene in scenes {
                indices[scene].get_or_insert(index);
            }
        }
        Ok(script)
    }
}

/// A step, from what stands between its prefix and its last bracket. The first and the last letter go unseen.
fn step(text: &str, number: usize) -> Result<Step, Reject> {
    let mut letters = text.chars();
    letters.next();
    letters.next_back();
    let text = letters.as_str();
    let times = |text: &str, mark: &str| text.matches(mark).count();
    let (prompt, rest) = match times(text, ENTITIES) {
        1 => text.split_once(ENTITIES).expect("it was counted"),
        times => return Err(Reject::Entities { step: number, times }),
    };
    let (entities, background) = match times(rest, BACKGROUND) {
        1 => rest.split_once(BACKGROUND).expect("it was counted"),
        times => return Err(Reject::Background { step: number, times }),
    };
    Ok(Step {
        prompt: prompt.to_owned(),
        entities: entities.split(", ").map(str::to_owned).collect(),
        background: background.to_owned(),
    })
}

const ENTITIES: &str = "; entities: ";
const BACKGROUND: &str = "; background: ";

/// The names of all steps in order of appearance, with the steps that have them.
fn counted<'a>(steps: impl Iterator<Item = Vec<&'a str>>) -> Vec<Kept> {
    let mut counted: Vec<Kept> = Vec::new();
    for (scene, names) in steps.enumerate() {
        for name in names {
            match counted.iter_mut().find(|kept| kept.name == name) {
                Some(kept) => kept.scenes.push(scene),
                None => counted.push(Kept { name: name.to_owned(), scenes: vec![scene] }),
            }
        }
    }
    counted
}

/// The original's test for Chinese.
fn is_chinese(c: char) -> bool {
    ('\u{4e00}'..='\u{9fa5}').contains(&c)
}
