//! How ChatGLM's conversations are written.
//!
//! A turn is a role, a line for metadata, which is empty here, and what is said: `<|user|>`, a line break, the words. The
//! template of ChatGLM3 says so, and most files of it have none. Its own tokenizer reads line and words one by one, and
//! begins each with a space, as SentencePiece does.

/// ChatGLM3's, for files that have none.
pub const TEMPLATE: &str = "[gMASK]sop{% for message in messages %}<|{{ message['role'] }}|>\n {{ message['content'] }}\
                            {% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";

/// Its roles.
const ROLES: [&str; 4] = ["<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"];
/// What the model's turn begins with.
const ANSWER: &str = "<|assistant|>";

/// What a conversation begins with, in templates and as its tokens are spelt here (see [`super::super::tokens`]).
const BEGIN: [&str; 2] = ["[gMASK]sop", "[gMASK]<sop>"];

/// The tokens besides the usual ones with which the model ends its turn: somebody else's begins.
pub const ENDS: [&str; 2] = ["<|user|>", "<|observation|>"];

/// A conversation as a template of the family spells it, as the model knows it. `spaced` where texts begin with a space.
pub fn as_trained(mut text: String, spaced: bool) -> String {
    if let Some(rest) = text.strip_prefix(BEGIN[0]) {
        text = format!("{}{rest}", BEGIN[1]);
    }
    // Otherwise what the model says first would be taken for metadata.
    if text.ends_with(ANSWER) {
        text.push('\n');
    }
    if spaced {
        for role in ROLES {
            text = text.replace(&format!("{role}\n"), &format!("{role} \n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::as_trained;

    #[test]
    fn turns_are_as_the_models_own_code_has_them() {
        let rendered = "[gMASK]sop<|system|>\n Be short.<|user|>\n Hi<|assistant|>";
        let expected = "[gMASK]<sop><|system|> \n Be short.<|user|> \n Hi<|assistant|> \n";
        assert_eq!(as_trained(rendered.to_owned(), true), expected);
        let rendered = "[gMASK]<sop><|user|>\nHi<|assistant|>";
        assert_eq!(as_trained(rendered.to_owned(), false), format!("{rendered}\n"));
    }
}
