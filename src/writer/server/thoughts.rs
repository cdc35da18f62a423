//! What a model says without what it thinks aloud.

/// How thoughts begin and end, in the words of different models.
const THOUGHTS: [(&str, &str); 5] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("[THINK]", "[/THINK]"),
    ("<|channel|>analysis", "<|channel|>final<|message|>"),
];

/// The text without thoughts. One that has not ended, or may just be beginning, is left out to the end; and so is
/// everything before the end of a thought whose beginning the template has kept to itself.
pub(super) fn without_thoughts(text: &str) -> String {
    let after_orphan = THOUGHTS.iter().filter_map(|(open, close)| {
        let end = text.find(close)?;
        text.find(open).is_none_or(|start| start > end).then_some(end + close.len())
    });
    let mut rest = &text[after_orphan.max().unwrap_or(0)..];
    let mut said = String::new();
    loop {
        let next = THOUGHTS.iter().filter_map(|(open, close)| Some((rest.find(open)?, *open, *close))).min();
        let Some((start, open, close)) = next else { break };
        said.push_str(&rest[..start]);
        let thought = &rest[start + open.len()..];
        match thought.find(close) {
            Some(end) => rest = &thought[end + close.len()..],
            None => return said,
        }
    }
    let tags = THOUGHTS.iter().flat_map(|(open, _)| (1..open.len()).map(|length| &open[..length]));
    let begun = tags.filter(|tag| rest.ends_with(tag)).map(str::len).max().unwrap_or(0);
    said.push_str(&rest[..rest.len() - begun]);
    said
}

#[cfg(test)]
mod tests {
    use super::without_thoughts;

    #[test]
    fn thoughts_are_no_script() {
        for (text, said) in [
            ("Scene 1", "Scene 1"),
            ("<think>Scene 1\nno, a dog</think>\n\nScene 2", "\n\nScene 2"),
            ("<think>Scene 1", ""),
            ("Hm, Scene 1.</think>Scene 2", "Scene 2"),
            ("a<thinking>b</thinking>c[THINK]d[/THINK]e", "ace"),
            ("Scene <thi", "Scene "),
            ("<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>{}", "{}"),
            ("<think></think>{\"a\": \"x < y\"}", "{\"a\": \"x < y\"}"),
        ] {
            assert_eq!(without_thoughts(text), said, "{text}");
        }
    }
}
