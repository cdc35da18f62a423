//! What a server is told: instructions, examples and questions, and the form of its answer.

use crate::project::ScriptScene;
use crate::writer::examples::{ScriptExample, scene_text};
use crate::writer::plan::Plan;
use crate::writer::prompts::Prompts;
use crate::writer::template::Dialogue;
use serde_json::{Value, json};

/// How an answer is spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON that the server holds to a schema.
    Json,
    /// Lines, as the writers of this machine say them.
    Lines,
}

/// What is asked for a script.
pub(super) struct Question<'a> {
    pub form: Form,
    pub examples: usize,
    /// The request, as the prompt file words it.
    pub request: &'a str,
    /// Fewest and most scenes.
    pub counts: [usize; 2],
    /// Scenes that are there already.
    pub done: &'a [ScriptScene],
    pub plan: &'a Plan,
    pub in_english: bool,
    /// What was wrong with the last answer.
    pub complaint: Option<&'a str>,
}

impl Question<'_> {
    pub fn messages(&self, prompts: &Prompts) -> Value {
        let mut instructions = prompts.text("script.txt").to_owned();
        if self.form == Form::Json {
            instructions = format!("{instructions}\n{}", prompts.text("script_json.txt"));
        }
        let mut dialogue = Dialogue::new(&instructions);
        for example in prompts.script_examples.iter().take(self.examples) {
            dialogue.user(prompts.fill("script_request.txt", &[("premise", &example.premise)]));
            dialogue.assistant(self.answer(example));
        }
        let [fewest, most] = self.counts;
        let count = if fewest == most { format!("{most} scenes") } else { format!("{fewest} to {most} scenes") };
        dialogue.user(format!("{}\nScenes: {count}", self.request));
        if !self.done.is_empty() {
            let ScriptExample { plan, scenes, .. } =
                ScriptExample { premise: String::new(), plan: self.plan.clone(), scenes: self.done.to_vec() };
            dialogue.assistant(self.answer(&ScriptExample { premise: String::new(), plan, scenes }));
            let next = self.done.len() + 1;
            dialogue.user(format!("Go on with scene {next} of {most}. Give only the scenes that are still missing."));
        } else if let Some(complaint) = self.complaint {
            dialogue
                .user(format!("Your last answer could not be used: {complaint}. Answer in the form of the examples."));
        }
        messages(&dialogue)
    }

    fn answer(&self, example: &ScriptExample) -> String {
        match self.form {
            Form::Lines => example.script_text(),
            Form::Json => {
                let scene = |scene: &ScriptScene| json!({"where": scene.background, "action": scene.prompt, "who": scene.foreground});
                let Plan { story, cast, places, .. } = &example.plan;
                let scenes: Vec<Value> = example.scenes.iter().map(scene).collect();
                json!({"story": story, "cast": cast, "places": places, "scenes": scenes}).to_string()
            }
        }
    }

    /// The form of the answer, for servers that hold their models to one.
    pub fn schema(&self) -> Value {
        let text = json!({"type": "string"});
        let [fewest, most] = self.counts.map(|count| count.saturating_sub(self.done.len()).max(1));
        let list =
            |fewest: usize, most: usize| json!({"type": "array", "items": text, "minItems": fewest, "maxItems": most});
        let scene = json!({
            "type": "object",
            "properties": {"where": text, "action": text, "who": list(1, 5)},
            "required": ["where", "action", "who"],
            "additionalProperties": false,
        });
        let mut properties = serde_json::Map::new();
        if self.in_english {
            properties.insert("in_english".to_owned(), text.clone());
        }
        properties.insert("story".to_owned(), list(3, 3));
        properties.insert("cast".to_owned(), list(1, 5));
        properties.insert("places".to_owned(), list(1, 4));
        let scenes = json!({"type": "array", "items": scene, "minItems": fewest, "maxItems": most});
        properties.insert("scenes".to_owned(), scenes);
        let required: Vec<&String> = properties.keys().collect();
        let schema =
            json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
        json!({"type": "json_schema", "json_schema": {"name": "script", "strict": true, "schema": schema}})
    }
}

/// The conversation that asks for the camera of a script.
pub(super) fn camera_messages(prompts: &Prompts, request: &str, scenes: &[ScriptScene]) -> Value {
    let mut dialogue = Dialogue::new(prompts.text("script.txt"));
    for example in prompts.script_examples.iter().take(1) {
        dialogue.user(prompts.fill("script_request.txt", &[("premise", &example.premise)]));
        dialogue.assistant(example.script_text());
        dialogue.user(prompts.text("camera.txt"));
        dialogue.assistant(example.camera_text());
    }
    dialogue.user(request);
    let told: String = scenes.iter().enumerate().map(|(i, scene)| scene_text(i, scene)).collect();
    dialogue.assistant(told.trim_end());
    dialogue.user(prompts.text("camera.txt"));
    messages(&dialogue)
}

/// A conversation as the protocol has it.
pub(super) fn messages(dialogue: &Dialogue) -> Value {
    let messages = dialogue.messages();
    messages.iter().map(|message| json!({"role": message.role, "content": message.content})).collect()
}
