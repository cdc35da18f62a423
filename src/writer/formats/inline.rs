//! Fountain's emphasis: `*italic*`, `**bold**`, `_underlined_`, and the backslash that takes its meaning from a sign.
//!
//! Text in this form is called markup here; plain text has neither emphasis nor backslashes.

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Style {
    pub bold: bool,
    pub italic: bool,
    pub underline: bool,
}

/// A mark of emphasis: one sign, as often as it stands there (at most three times).
#[derive(Debug, Clone, Copy, PartialEq)]
enum Token {
    Text(char),
    Mark { sign: char, count: usize, opens: bool, closes: bool, pair: Option<usize> },
}

/// Signs that a backslash makes ordinary.
const SIGNS: [char; 6] = ['\\', '*', '_', '[', ']', '/'];

/// Plain text as markup that means just that.
pub(super) fn escape(plain: &str) -> String {
    let mut markup = String::with_capacity(plain.len());
    let mut before = '\0';
    let mut letters = plain.chars().peekable();
    while let Some(c) = letters.next() {
        let paired = before == c || letters.peek() == Some(&c);
        if matches!(c, '*' | '_' | '\\') || matches!(c, '[' | ']') && paired {
            markup.push('\\');
        }
        markup.push(c);
        before = c;
    }
    markup
}

/// Markup as plain text.
pub(super) fn plain(markup: &str) -> String {
    runs(markup).into_iter().map(|(_, text)| text).collect()
}

/// Markup as pieces of plain text with their looks.
pub(super) fn runs(markup: &str) -> Vec<(Style, String)> {
    let mut tokens = tokens(markup);
    pair_marks(&mut tokens);
    let mut runs: Vec<(Style, String)> = Vec::new();
    let mut style = Style::default();
    let mut push = |style: Style, c: char| match runs.last_mut() {
        Some((last, text)) if *last == style => text.push(c),
        _ => runs.push((style, c.to_string())),
    };
    for (at, token) in tokens.iter().enumerate() {
        match *token {
            Token::Text(c) => push(style, c),
            Token::Mark { sign, count, pair: Some(other), .. } => {
                let on = other > at;
                match (sign, count) {
                    ('_', _) => style.underline = on,
                    (_, 1) => style.italic = on,
                    (_, 2) => style.bold = on,
                    _ => (style.bold, style.italic) = (on, on),
                }
            }
            Token::Mark { sign, count, .. } => (0..count).for_each(|_| push(style, sign)),
        }
    }
    runs
}

/// Pieces of plain text with their looks as markup.
pub(super) fn markup_of<'a>(runs: impl IntoIterator<Item = (Style, &'a str)>) -> String {
    let mut markup = String::new();
    for (style, text) in runs {
        let bare = text.trim();
        if style == Style::default() || bare.is_empty() {
            markup += &escape(text);
            continue;
        }
        // Marks stand at the words, not at the spaces around them.
        let start = text.len() - text.trim_start().len();
        let end = start + bare.len();
        let marks = match (style.bold, style.italic) {
            (true, true) => "***",
            (true, false) => "**",
            (false, true) => "*",
            (false, false) => "",
        };
        let line = if style.underline { "_" } else { "" };
        let close = [marks, line].concat();
        let open = [line, marks].concat();
        markup += &[&text[..start], &open, &escape(bare), &close, &text[end..]].concat();
    }
    markup
}

fn tokens(markup: &str) -> Vec<Token> {
    let letters: Vec<char> = markup.chars().collect();
    let mut tokens = Vec::with_capacity(letters.len());
    let mut at = 0;
    while at < letters.len() {
        match letters[at] {
            '\\' if letters.get(at + 1).is_some_and(|next| SIGNS.contains(next)) => {
                tokens.push(Token::Text(letters[at + 1]));
                at += 2;
            }
            sign @ ('*' | '_') => {
                let most = if sign == '*' { 3 } else { 1 };
                let count = letters[at..].iter().take(most).take_while(|c| **c == sign).count();
                let space = |c: Option<&char>| c.is_none_or(|c| c.is_whitespace());
                let opens = !space(letters.get(at + count));
                let closes = at > 0 && !space(letters.get(at - 1));
                tokens.push(Token::Mark { sign, count, opens, closes, pair: None });
                at += count;
            }
            c => {
                tokens.push(Token::Text(c));
                at += 1;
            }
        }
    }
    tokens
}

/// Finds for each closing mark the nearest equal one that is open. Emphasis does not go past the end of a line.
fn pair_marks(tokens: &mut [Token]) {
    let mut open: Vec<usize> = Vec::new();
    for at in 0..tokens.len() {
        match tokens[at] {
            Token::Text('\n') => open.clear(),
            Token::Mark { sign, count, opens, closes, .. } => {
                // A handful of marks can be open at once; older ones than that are forgotten.
                let same = |other: &usize| matches!(tokens[*other], Token::Mark { sign: s, count: c, .. } if s == sign && c == count);
                let found = if closes { open.iter().rposition(same) } else { None };
                match found {
                    Some(position) => {
                        let first = open[position];
                        open.truncate(position);
                        for (one, other) in [(first, at), (at, first)] {
                            if let Token::Mark { pair, .. } = &mut tokens[one] {
                                *pair = Some(other);
                            }
                        }
                    }
                    None if opens => {
                        if open.len() == 8 {
                            open.remove(0);
                        }
                        open.push(at);
                    }
                    None => {}
                }
            }
            Token::Text(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emphasis_is_read_and_written() {
        assert_eq!(plain("*He* is **not** _here_, ***ever***. 2 * 3 \\* 4 snake_case *"), {
            "He is not here, ever. 2 * 3 * 4 snake_case *"
        });
        let bold = Style { bold: true, ..Style::default() };
        assert_eq!(
            runs("a **b** c"),
            [(Style::default(), "a ".into()), (bold, "b".into()), (Style::default(), " c".into())]
        );
        for markup in ["a **b** *c* _d_ _***e***_", "x", "*a b*"] {
            let runs = runs(markup);
            assert_eq!(markup_of(runs.iter().map(|(style, text)| (*style, text.as_str()))), markup);
        }
    }

    #[test]
    fn plain_text_survives_markup() {
        for text in
            ["2 * 3 * 4", "**", "\\*", "_x_", "[[a]] /* b */ [c]", "C:\\temp", "a\\", "\\\\[", "]]", "[ [", "* *\n_"]
        {
            assert_eq!(plain(&escape(text)), text, "{}", escape(text));
        }
    }
}
