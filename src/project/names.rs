//! Names inside sentences: finding them as whole words, and putting another name in their place.

use std::ops::Range;

/// Where whole words of a text first spell a name, whatever its capitals.
pub fn find_name(text: &str, name: &str) -> Option<Range<usize>> {
    find_from(text, name, 0)
}

fn find_from(text: &str, name: &str, from: usize) -> Option<Range<usize>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '-';
    let starts = text.char_indices().map(|(at, _)| at).filter(|at| *at >= from && !text[..*at].ends_with(is_word));
    starts
        .filter_map(|start| {
            let mut rest = text[start..].chars();
            let same = name.chars().all(|c| rest.next().is_some_and(|r| r.to_lowercase().eq(c.to_lowercase())));
            let end = text.len() - rest.as_str().len();
            (same && !name.is_empty() && !rest.as_str().starts_with(is_word)).then_some(start..end)
        })
        .next()
}

/// Articles in front of a name. Somebody with a name of their own has none.
const ARTICLES: [&str; 3] = ["the", "a", "an"];

/// A text with another name in the place of one, wherever whole words spell it.
///
/// Articles follow: "The young man" becomes "Tom", "Tom" becomes "the young man", "a boat" becomes "an apple". What is
/// already a part of the new name ("man" in "young man"), or of one of the `others` that have the name in theirs, stays.
pub fn replace_name(text: &str, from: &str, to: &str, others: &[&str]) -> String {
    let mut done = String::new();
    let mut at = 0;
    while let Some(found) = find_from(text, from, at) {
        let whole = others.iter().chain([&to]).find_map(|name| covering(text, &found, name));
        if let Some(whole) = whole {
            done.push_str(&text[at..whole.end]);
            at = whole.end;
            continue;
        }
        done.push_str(&text[at..found.start]);
        put(&mut done, from, &text[found.clone()], to);
        at = found.end;
    }
    done.push_str(&text[at..]);
    done
}

/// The place where `name` is spelt around `part`, if it is.
fn covering(text: &str, part: &Range<usize>, name: &str) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(found) = find_from(text, name, from) {
        if found.start <= part.start && found.end >= part.end && found != *part {
            return Some(found);
        }
        if found.start > part.start {
            return None;
        }
        from = found.start + text[found.start..].chars().next().map_or(1, char::len_utf8);
    }
    None
}

/// Puts the new name behind `before`, in place of the old one, which was `spelt` so.
fn put(before: &mut String, old: &str, spelt: &str, new: &str) {
    let article = before.trim_end().rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned();
    let has_article = before.ends_with(' ') && ARTICLES.contains(&article.to_lowercase().as_str());
    let is_own = |name: &str| name.chars().next().is_some_and(char::is_uppercase);
    let starts = |before: &str| before.trim_end().is_empty() || before.trim_end().ends_with(['.', '!', '?', ':']);
    let article_at = before.trim_end().len() - if has_article { article.len() } else { 0 };
    if has_article && is_own(new) {
        before.truncate(article_at);
        before.push_str(new);
        return;
    }
    if has_article && !article.eq_ignore_ascii_case("the") {
        let vowel = new.to_lowercase().starts_with(['a', 'e', 'i', 'o', 'u']);
        let upper = is_own(&article);
        before.truncate(article_at);
        before.push_str(match (upper, vowel) {
            (true, true) => "An ",
            (true, false) => "A ",
            (false, true) => "an ",
            (false, false) => "a ",
        });
    } else if !has_article && is_own(old) && !is_own(new) && !starts_lower_list(before) {
        let the = if starts(before) { "The " } else { "the " };
        before.push_str(the);
        before.push_str(new);
        return;
    }
    if is_own(spelt) && starts(before) {
        let mut letters = new.chars();
        before.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        before.push_str(letters.as_str());
    } else {
        before.push_str(new);
    }
}

/// Whether something in front of the name already says which one ("his Tom" is no case for another article).
fn starts_lower_list(before: &str) -> bool {
    let last = before.trim_end().rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase();
    ["his", "her", "its", "their", "my", "our", "this", "that", "two", "three", "some"].contains(&last.as_str())
        && before.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_replaced_as_whole_words_and_its_article_follows() {
        for (text, from, to, expected) in [
            ("The young man bakes. A young man's cake.", "young man", "Tom", "Tom bakes. Tom's cake."),
            ("Tom bakes with Tomas and Tom.", "Tom", "young man", "The young man bakes with Tomas and the young man."),
            ("The man hands the young man a map.", "man", "young man", "The young man hands the young man a map."),
            ("A boat drifts; she sees a boat.", "boat", "apple", "An apple drifts; she sees an apple."),
            ("An old dog and his dog-house", "dog", "cat", "An old cat and his dog-house"),
            ("Dog barks", "dog", "cat", "Cat barks"),
            ("Nothing here", "dog", "cat", "Nothing here"),
            ("", "dog", "cat", ""),
            ("Straße, Émile naps", "émile", "Zoë", "Straße, Zoë naps"),
        ] {
            assert_eq!(replace_name(text, from, to, &[]), expected, "{text}");
        }
    }

    #[test]
    fn names_that_have_the_name_in_theirs_stay() {
        assert_eq!(replace_name("A man and a snow man", "man", "Tom", &["snow man"]), "Tom and a snow man");
        assert_eq!(replace_name("a dog a dog", "dog", "dog", &["dog"]), "a dog a dog");
        assert_eq!(find_name("a dog", ""), None);
    }
}
