//! Holds the source to ARCHITECTURE's "dependencies point one way": which module may know which, and which may know
//! the window's crates and candle.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Everything.
const ALL: &[&str] = &["*"];

/// Each folder or file of `src/`, and the ones that it may know besides itself. All may know `progress` and `simd`.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("progress", &[]),
    ("simd", &[]),
    ("project", &[]),
    ("nets", &[]),
    ("models", &["nets", "project"]),
    ("writer", &["models", "nets", "project"]),
    ("image", &["models", "nets", "project"]),
    ("video", &["models", "nets", "project"]),
    ("draft", &["models", "nets", "project"]),
    ("export", &["project"]),
    ("preview", &["project"]),
    ("engine", &["draft", "export", "image", "models", "nets", "project", "video", "writer"]),
    ("farm", &["engine", "models", "project"]),
    ("cli", ALL),
    ("ui", ALL),
    // The roots of the library and of the program.
    ("lib", ALL),
    ("main", ALL),
];

/// Crates that only some may know.
const CRATES: &[(&[&str], Who)] = &[
    (&["eframe", "egui", "egui_tiles", "egui_wgpu", "epaint", "rfd", "wgpu"], Who::Only(&["preview", "ui"])),
    (
        &["candle_core", "candle_flash_attn", "candle_nn", "candle_transformers"],
        Who::AllBut(&["cli", "export", "farm", "main", "preview", "progress", "project", "simd", "ui"]),
    ),
];

enum Who {
    Only(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

/// A word or a sign of Rust source, and its line.
#[derive(Debug, PartialEq)]
struct Token<'a> {
    text: &'a str,
    line: usize,
}

/// The words and signs of Rust source, without comments, strings and characters.
fn tokens(source: &str) -> Vec<Token<'_>> {
    let bytes = source.as_bytes();
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    while at < bytes.len() {
        let rest = &source[at..];
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment_length(rest)
        } else if let Some(length) = string_length(rest) {
            length
        } else if bytes[at].is_ascii_alphabetic() || bytes[at] == b'_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(Token { text: &rest[..length], line });
            length
        } else if rest.starts_with("::") {
            tokens.push(Token { text: "::", line });
            2
        } else {
            let length = rest.chars().next().map_or(1, char::len_utf8);
            if !bytes[at].is_ascii_whitespace() {
                tokens.push(Token { text: &rest[..length], line });
            }
            length
        };
        line += rest[..length].matches('\n').count();
        at += length;
    }
    tokens
}

fn block_comment_length(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length of the string or character that `rest` begins with, if it does.
fn string_length(rest: &str) -> Option<usize> {
    let prefix = rest.bytes().take_while(|byte| b"bcr".contains(byte)).count();
    if prefix > 2 || !rest[prefix..].starts_with(['"', '\'', '#']) {
        return None;
    }
    let body = &rest[prefix..];
    if rest[..prefix].ends_with('r') {
        let hashes = body.bytes().take_while(|&byte| byte == b'#').count();
        let end = format!("\"{}", "#".repeat(hashes));
        let opened = body[hashes..].strip_prefix('"')?;
        return Some(opened.find(&end).map_or(rest.len(), |at| prefix + hashes + 1 + at + end.len()));
    }
    let quote = body.chars().next().filter(|&quote| quote != '#')?;
    if quote == '\'' && !body[1..].starts_with('\\') && body[1..].chars().nth(1) != Some('\'') {
        return None; // a lifetime
    }
    let mut escaped = false;
    for (at, c) in body.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(prefix + at + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

/// A use of a top-level module or of another crate.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Use {
    line: usize,
    /// `crate::NAME`, or the name of a crate.
    name: String,
    of_ours: bool,
}

/// Every `crate::NAME…`, `super::…::NAME` that leads to the crate's root, and `NAME::…`, in a file that lies `depth`
/// modules below the root.
fn uses(source: &str, depth: usize) -> Vec<Use> {
    let tokens = tokens(source);
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let mut uses = Vec::new();
    // The braces that are open where an inline module began.
    let (mut braces, mut modules) = (0usize, Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        let line = tokens[at].line;
        match text(at) {
            "{" => braces += 1,
            "}" => {
                braces = braces.saturating_sub(1);
                if modules.last() == Some(&braces) {
                    modules.pop();
                }
            }
            "mod" if text(at + 2) == "{" => modules.push(braces),
            "::" => {}
            word if at > 0 && text(at - 1) == "::" && word != "super" => {}
            "crate" | "super" if text(at + 1) == "::" => {
                let mut end = at;
                let mut supers = 0;
                while text(end) == "super" && text(end + 1) == "::" {
                    (supers, end) = (supers + 1, end + 2);
                }
                if text(end) == "crate" {
                    end += 2;
                } else if supers < depth + modules.len() {
                    at = end;
                    continue;
                }
                for (line, name) in firsts(&tokens, end) {
                    uses.push(Use { line, name, of_ours: true });
                }
                at = end;
                continue;
            }
            word if text(at + 1) == "::" || (at > 0 && text(at - 1) == "use") => {
                uses.push(Use { line, name: word.to_owned(), of_ours: false });
            }
            _ => {}
        }
        at += 1;
    }
    uses
}

/// The first names behind `crate::`: one, or those of a group in braces.
fn firsts(tokens: &[Token<'_>], at: usize) -> Vec<(usize, String)> {
    let named = |token: &Token<'_>| (token.line, token.text.to_owned());
    match tokens.get(at) {
        Some(open) if open.text == "{" => {
            let (mut depth, mut names, mut first) = (1, Vec::new(), true);
            for token in &tokens[at + 1..] {
                match token.text {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    "," if depth == 1 => first = true,
                    _ if first => {
                        names.push(named(token));
                        first = false;
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            names
        }
        Some(token) => vec![named(token)],
        None => Vec::new(),
    }
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// What is wrong with one file of `src/`, a line for each forbidden use. `modules` are the names in `src/`.
fn violations(path: &Path, source: &str, modules: &[String]) -> String {
    let mut names: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    let file = names.pop().and_then(|file| file.strip_suffix(".rs")).unwrap_or_default();
    let depth = match file {
        "mod" | "lib" | "main" => names.len(),
        _ => names.len() + 1,
    };
    let module = names.first().copied().unwrap_or(file);
    let mut wrong = String::new();
    let Some((_, known)) = MAY_KNOW.iter().find(|(name, _)| *name == module) else {
        return format!(
            "src/{}: `{module}` has no row in MAY_KNOW of tests/layering.rs; give it one\n",
            path.display()
        );
    };
    for Use { line, name, of_ours } in uses(source, depth) {
        let name = name.as_str();
        let place = format!("src/{}:{line}", path.display());
        if of_ours || name == "reelboard" {
            let allowed =
                name == module || ["progress", "simd"].contains(&name) || *known == ALL || known.contains(&name);
            if !allowed && modules.iter().any(|other| other == name) {
                let list = if known.is_empty() { "no module".to_owned() } else { known.join(", ") };
                let _ = writeln!(wrong, "{place}: `{module}` may not know `{name}` (it may know {list}, and progress)");
            } else if !allowed && name != "reelboard" && module != "engine" {
                let _ = writeln!(wrong, "{place}: `{module}` may not know `crate::{name}`, which stands above it");
            }
        } else if let Some((_, who)) = CRATES.iter().find(|(crates, _)| crates.contains(&name)) {
            let (allowed, rule) = match who {
                Who::Only(modules) => (modules.contains(&module), format!("only {} may", modules.join(" and "))),
                Who::AllBut(modules) => (!modules.contains(&module), format!("{} may not", modules.join(", "))),
            };
            if !allowed {
                let _ = writeln!(wrong, "{place}: `{module}` may not use the crate `{name}` ({rule})");
            }
        }
    }
    wrong
}

/// The names of the folders and files in `src/`.
fn modules(root: &Path) -> Vec<String> {
    let stem = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    std::fs::read_dir(root).unwrap().filter_map(|entry| stem(entry.unwrap().path())).collect()
}

#[test]
fn dependencies_point_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let modules = modules(&root);
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    assert!(files.len() > 10, "the source is in {}", root.display());
    let mut wrong = String::new();
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        wrong += &violations(file.strip_prefix(&root).unwrap(), &source, &modules);
    }
    assert!(wrong.is_empty(), "forbidden dependencies:\n{wrong}");
}

#[test]
fn a_forbidden_dependency_is_found_however_it_is_written() {
    let modules: Vec<String> = MAY_KNOW.iter().map(|(name, _)| (*name).to_owned()).collect();
    let found = |path: &str, source: &str| violations(Path::new(path), source, &modules);
    for (path, source) in [
        ("project/model.rs", "use crate::engine::Engine;"),
        ("project/model.rs", "fn f() {\n    crate::ui::repaint();\n}"),
        ("project/model.rs", "use super::super::engine::Engine;"),
        ("project/mod.rs", "use super::models;"),
        ("project/store/save.rs", "pub(crate) use crate::{progress::Progress, models::{Cache, Registry}};"),
        ("project/model.rs", "mod tests {\n    use super::super::super::engine::Engine;\n}"),
        ("nets/u2net.rs", "use crate::models::Registry;"),
        ("image/photo.rs", "use crate::engine::Job;"),
        ("export/film.rs", "use candle_core::Tensor;"),
        ("cli/run.rs", "fn f(x: &candle_core::Tensor) {}"),
        ("engine/lane.rs", "use egui;"),
        ("main.rs", "fn main() { eframe::run_native() }"),
        ("export/film.rs", "fn f<'a>(c: char) { if c == '\"' {} crate::engine::run(); }"),
        ("surprise/mod.rs", ""),
    ] {
        let message = found(path, source);
        assert_eq!(message.lines().count(), 1, "{path}: {source}\n{message}");
        assert!(message.starts_with(&format!("src/{path}:")), "{message}");
    }
    assert_eq!(
        found("writer/decode.rs", "//! Decoding.\n\nuse crate::engine::Job;"),
        "src/writer/decode.rs:3: `writer` may not know `engine` (it may know models, nets, project, and progress)\n"
    );

    for (path, source) in [
        ("project/model.rs", "use crate::progress::Progress;\nuse super::ids::SceneId;"),
        ("project/model.rs", "// use crate::engine::Engine;\n/* crate::ui /* nested */ crate::ui */"),
        ("project/model.rs", "const TEXT: &str = \"crate::engine\"; const RAW: &str = r#\"use \"crate::ui::x\"#;"),
        ("project/mod.rs", "mod tests {\n    use super::*;\n    use super::engine;\n}"),
        ("project/store/save.rs", "use super::super::engine;"),
        ("image/segment.rs", "use image::RgbImage; use crate::nets::u2net::U2Net;"),
        ("ui/app.rs", "use crate::{engine, project, export}; use egui::Ui;"),
        ("engine/lane.rs", "use candle_core::Device; use crate::writer::Writer;"),
        ("models/cache.rs", "fn f() { my::egui::x(); let wgpu = 1; }"),
    ] {
        assert_eq!(found(path, source), "", "{path}: {source}");
    }
}
