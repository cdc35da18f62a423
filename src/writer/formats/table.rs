//! Shot lists: tables as comma-separated values.
//!
//! A table that Reelboard wrote has [`OWN`] as its header and is read cell by cell as it is. In any other the columns are
//! found by their names, in any order, and what people leave out is filled in.

use super::camera::{camera_in_field, camera_text};
use super::heading::{Heading, after_prefix, time_said, with_time};
use super::people::speaker;
use super::screenplay::DISSOLVE_MS;
use super::value::{bare_seconds, milliseconds, names_in, names_list};
use super::{FormatError, ImportNote, MOST_COLUMNS, MOST_SCENES, Shot, cleaned, guess};
use crate::project::{CameraMove, Project, Speed};
use crate::writer::tidy::flat;
use std::collections::BTreeMap;

/// The header of a table that Reelboard writes.
const OWN: [&str; 8] = ["scene", "action", "characters", "location", "camera", "duration (s)", "dissolve (s)", "notes"];

/// What a column is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    Scene,
    Shot,
    Action,
    Characters,
    Props,
    Location,
    Time,
    Camera,
    Speed,
    Duration,
    Transition,
    Dialogue,
    Notes,
}

/// Names of columns: first those that are the whole header, then words that it may contain.
const NAMES: [(Column, &[&str], &[&str]); 13] = [
    (Column::Scene, &["scene", "sc", "scene no", "scene number", "scene nr", "no", "nr", "number", "id"], &["scene #"]),
    (Column::Shot, &["shot", "shot no", "shot number", "shot nr", "setup", "panel"], &["shot #"]),
    (
        Column::Action,
        &["action", "description", "prompt", "shot", "what happens", "event", "visual", "content", "text", "summary"],
        &["description", "action", "prompt", "happens", "beschreibung", "handlung"],
    ),
    (
        Column::Characters,
        &["characters", "cast", "who", "talent", "subject", "subjects", "foreground", "entities", "people", "actors"],
        &["character", "cast", "actor", "talent", "figuren"],
    ),
    (Column::Props, &["props", "objects", "prop", "object", "items"], &["props"]),
    (
        Column::Location,
        &["location", "set", "place", "setting", "where", "background", "ort"],
        &["location", "setting", "place", "background"],
    ),
    (Column::Time, &["time of day", "day/night", "d/n", "daytime", "day night", "time"], &["time of day", "day/night"]),
    (
        Column::Camera,
        &["camera", "movement", "move", "motion", "camera movement", "camera move", "direction", "kamera"],
        &["movement", "camera move", "camera motion"],
    ),
    (Column::Speed, &["speed", "camera speed"], &[]),
    (
        Column::Duration,
        &["duration", "length", "secs", "seconds", "dur", "running time", "time", "dauer"],
        &["duration", "length", "seconds"],
    ),
    (Column::Transition, &["dissolve", "transition", "cut"], &["dissolve", "transition"]),
    (Column::Dialogue, &["dialogue", "dialog", "audio", "lines", "voiceover", "vo"], &["dialog"]),
    (Column::Notes, &["notes", "note", "remarks", "remark", "comments", "comment", "notizen"], &["notes", "comment"]),
];

/// Lines of a text that may be the header: titles and dates can stand above it.
const HEADER_LINES: usize = 10;

/// Whether one of the first lines of a text is the header of a shot list, with a row below it.
pub(super) fn is_likely(text: &str) -> bool {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(HEADER_LINES + 1).collect();
    lines.windows(2).any(|pair| {
        let (separator, known) = separator(pair[0]);
        let cells = split_roughly(pair[0], separator);
        let found = columns(&cells);
        let has_action = found.contains_key(&Column::Action) || found.contains_key(&Column::Shot);
        has_action && known > 1 && known * 2 >= cells.len() && pair[1].contains(separator)
    })
}

/// The separator under which most columns of the header are known, and how many are.
fn separator(header: &str) -> (char, usize) {
    let known = |separator: char| {
        let cells = split_roughly(header, separator);
        (columns(&cells).len(), cells.len())
    };
    let best = [',', ';', '\t', '|'].into_iter().rev().max_by_key(|separator| known(*separator)).unwrap_or(',');
    (best, known(best).0)
}

/// The cells of a line, for a look at them.
fn split_roughly(line: &str, separator: char) -> Vec<String> {
    line.split(separator).take(MOST_COLUMNS).map(|cell| cell.trim_matches(['"', ' ', '\t']).to_owned()).collect()
}

/// A header without its unit and punctuation.
fn normal(header: &str) -> String {
    let header = header.split('(').next().unwrap_or_default().to_lowercase().replace(['_', '.', ':'], " ");
    flat(&header)
}

/// Which column of a table is which; the first of several that could be the same is.
fn columns(header: &[String]) -> BTreeMap<Column, usize> {
    let mut found = BTreeMap::new();
    let normal: Vec<String> = header.iter().map(|cell| normal(cell)).collect();
    let mut taken = vec![false; header.len()];
    for exact in [true, false] {
        for (column, whole, parts) in &NAMES {
            if found.contains_key(column) {
                continue;
            }
            let fits = |cell: &String| match exact {
                true => whole.contains(&cell.as_str()),
                false => parts.iter().any(|part| cell.contains(part)),
            };
            if let Some(at) = (0..normal.len()).find(|at| !taken[*at] && fits(&normal[*at])) {
                taken[at] = true;
                found.insert(*column, at);
            }
        }
    }
    found
}

/// The scenes of a shot list.
pub(super) fn parse(name: &str, text: &str, notes: &mut Vec<ImportNote>) -> Result<Option<Vec<Shot>>, FormatError> {
    let headers: Vec<(char, usize)> = text.lines().take(HEADER_LINES).map(separator).collect();
    // The first of equals.
    let (separator, known) = headers.into_iter().rev().max_by_key(|(_, known)| *known).unwrap_or((',', 0));
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator as u8)
        .from_reader(text.as_bytes());
    let mut header: Option<Table> = None;
    let mut shots = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            FormatError::Csv { name: name.to_owned(), line, reason: error.to_string() }
        })?;
        let line = record.position().map_or(0, |at| {
            // The reader counts blank lines before a row as part of it.
            let blank = text.as_bytes()[at.byte() as usize..].iter().take_while(|byte| **byte == b'\n').count();
            at.line() + blank as u64
        });
        if record.len() > MOST_COLUMNS {
            return Err(FormatError::TooManyColumns { name: name.to_owned(), line, columns: record.len() });
        }
        let cells: Vec<String> = record.iter().map(unguarded).collect();
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        match &mut header {
            // The header is the line with most known columns.
            None if columns(&cells).len() < known && line as usize <= HEADER_LINES => {
                notes.push(ImportNote::at(line as usize, format!("above the table: {}", shortened(&cells.join(" ")))));
            }
            None => header = Some(Table::new(name, cells)?),
            Some(table) => {
                let shot =
                    if table.own { table.own_row(&cells, line) } else { table.row(&cells, line as usize, notes) };
                shots.extend(shot);
                if shots.len() > MOST_SCENES {
                    return Ok(None);
                }
            }
        }
    }
    if let Some(table) = header.filter(|table| !table.own) {
        if !table.columns.contains_key(&Column::Characters) {
            guess::names(&mut shots);
        }
        if !table.columns.contains_key(&Column::Location) {
            guess::places(&mut shots, |_| false);
        }
    }
    Ok(Some(shots))
}

/// A table of which the header is known.
struct Table {
    header: Vec<String>,
    columns: BTreeMap<Column, usize>,
    own: bool,
    scene: String,
    location: String,
}

impl Table {
    fn new(name: &str, header: Vec<String>) -> Result<Self, FormatError> {
        let own = header == OWN;
        let mut columns = columns(&header);
        if !columns.contains_key(&Column::Action)
            && let Some(shot) = columns.remove(&Column::Shot)
        {
            // "Shot" is a number beside a description, and the description itself where there is no other.
            columns.insert(Column::Action, shot);
        }
        if !columns.contains_key(&Column::Action) {
            let found = header.iter().take(12).map(|cell| format!("\"{}\"", shortened(cell))).collect::<Vec<_>>();
            return Err(FormatError::NoActionColumn { name: name.to_owned(), found: found.join(", ") });
        }
        Ok(Self { header, columns, own, scene: String::new(), location: String::new() })
    }

    fn cell<'a>(&self, cells: &'a [String], column: Column) -> &'a str {
        self.columns.get(&column).and_then(|at| cells.get(*at)).map_or("", |cell| cell.trim())
    }

    /// A row of a table that Reelboard wrote. A value that was spoiled since falls back to the rules.
    fn own_row(&self, cells: &[String], line: u64) -> Option<Shot> {
        let cell = |at: usize| cells.get(at).map_or("", String::as_str);
        Some(Shot {
            line: Some(line as usize),
            prompt: cell(1).to_owned(),
            foreground: names_in(cell(2)),
            background: cell(3).to_owned(),
            camera: camera_in_field(cell(4)).map(|found| found.camera),
            duration_ms: milliseconds(cell(5)),
            dissolve_ms: milliseconds(cell(6)),
            note: cell(7).to_owned(),
        })
    }

    fn row(&mut self, cells: &[String], line: usize, notes: &mut Vec<ImportNote>) -> Option<Shot> {
        let mut note = |text: String| notes.push(ImportNote::at(line, text));
        let prompt = flat(self.cell(cells, Column::Action));
        let others = |column: &Column| !matches!(column, Column::Scene | Column::Shot);
        if prompt.is_empty() {
            if self.columns.keys().filter(|column| others(column)).any(|column| !self.cell(cells, *column).is_empty()) {
                let row: Vec<&str> = cells.iter().map(|cell| cell.trim()).filter(|cell| !cell.is_empty()).collect();
                note(format!("a row without an action was left out: {}", shortened(&row.join(", "))));
            }
            return None;
        }
        let mut beside: Vec<String> = Vec::new();
        let scene = self.cell(cells, Column::Scene).to_owned();
        let same_scene = scene.is_empty() || scene == self.scene;
        let (location, time) = self.location(cells);
        if !location.is_empty() || !same_scene {
            self.location = location;
        }
        self.scene = if scene.is_empty() { std::mem::take(&mut self.scene) } else { scene };
        let mut foreground = names(self.cell(cells, Column::Characters));
        for prop in names(self.cell(cells, Column::Props)) {
            if !foreground.contains(&prop) {
                foreground.push(prop);
            }
        }
        let camera = self.camera(cells, &mut beside, &mut note);
        let time_cell = self.cell(cells, Column::Time);
        // "Time" is the time of day in one list and the length in another.
        let is_length = !self.columns.contains_key(&Column::Duration) && milliseconds(time_cell).is_some();
        let duration = if is_length { time_cell } else { self.cell(cells, Column::Duration) };
        if !time_cell.is_empty() && !is_length && time_said(time_cell).is_none() {
            beside.push(format!("Time: {time_cell}"));
        }
        let duration_ms = milliseconds(duration);
        if duration_ms.is_none() && !duration.is_empty() {
            note(format!("\"{}\" is no length of time; it was kept as a note", shortened(duration)));
            beside.push(format!("Duration: {duration}"));
        }
        let dissolve_ms = self.columns.contains_key(&Column::Transition).then(|| {
            let transition = self.cell(cells, Column::Transition);
            let given = milliseconds(transition);
            let dissolves =
                ["dissolve", "fade", "crossfade"].iter().any(|word| transition.to_lowercase().contains(word));
            given.unwrap_or(if dissolves { DISSOLVE_MS } else { 0 })
        });
        let dialogue = self.cell(cells, Column::Dialogue);
        if !dialogue.is_empty() {
            beside.insert(0, dialogue.to_owned());
        }
        for (at, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty()) {
            if !self.columns.values().any(|known| *known == at) {
                let title = self.header.get(at).map_or("", |title| title.trim());
                beside.push(if title.is_empty() {
                    cell.trim().to_owned()
                } else {
                    format!("{title}: {}", cell.trim())
                });
            }
        }
        let remark = self.cell(cells, Column::Notes);
        if !remark.is_empty() {
            beside.insert(0, remark.to_owned());
        }
        Some(Shot {
            line: Some(line),
            prompt: with_time(&prompt, time),
            foreground,
            background: self.location.clone(),
            camera,
            duration_ms,
            dissolve_ms,
            note: beside.join("\n\n"),
        })
    }

    /// The place of a row, and its time of day: from a location such as `INT. KITCHEN - NIGHT` or columns of their own.
    fn location(&self, cells: &[String]) -> (String, Option<&'static str>) {
        let location = self.cell(cells, Column::Location);
        let heading = match after_prefix(location) {
            Some(_) => Heading::parse(location),
            None => {
                let all_caps = location.len() > 3 && !location.chars().any(char::is_lowercase);
                let place = if all_caps { location.to_lowercase() } else { location.to_owned() };
                Heading { place, ..Heading::default() }
            }
        };
        let time = time_said(self.cell(cells, Column::Time)).or(heading.time);
        (heading.place, time)
    }

    fn camera(&self, cells: &[String], beside: &mut Vec<String>, note: &mut impl FnMut(String)) -> Option<CameraMove> {
        let field = self.cell(cells, Column::Camera);
        let found = camera_in_field(field);
        match found {
            Some(found) if found.guessed => {
                note(format!("\"{}\" has no direction; it became {}", shortened(field), found.camera.direction));
            }
            None if !field.is_empty() => {
                note(format!("the camera move \"{}\" is not known; it was kept as a note", shortened(field)));
                beside.push(format!("Camera: {field}"));
            }
            _ => {}
        }
        let speed: Option<Speed> = self.cell(cells, Column::Speed).parse().ok();
        found.map(|found| CameraMove { speed: speed.unwrap_or(found.camera.speed), ..found.camera })
    }
}

/// Names of a cell; those in capitals as scenes spell them.
fn names(cell: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in names_in(cell) {
        let shouted = name.chars().count() > 2 && !name.chars().any(char::is_lowercase);
        let name = if shouted { speaker(&name).map_or(name, |(name, _)| name) } else { name };
        if !names.contains(&name) && !name.is_empty() {
            names.push(name);
        }
    }
    names
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Whether a spreadsheet could take a cell for a formula, or for one that was made safe.
fn looks_like_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '\''])
}

/// A cell that no spreadsheet runs as a formula: one that could be begins with an apostrophe.
fn guarded(cell: &str) -> String {
    if looks_like_formula(cell) { format!("'{cell}") } else { cell.to_owned() }
}

fn unguarded(cell: &str) -> String {
    match cell.strip_prefix('\'') {
        Some(rest) if looks_like_formula(rest) => rest.to_owned(),
        _ => cell.to_owned(),
    }
}

/// A shot list of all scenes, with the mark by which spreadsheets know UTF-8.
pub(super) fn write(project: &Project) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(b"\xef\xbb\xbf".to_vec());
    let mut row = |cells: [String; 8]| {
        let cells = cells.map(|cell| guarded(&cell));
        writer.write_record(&cells).expect("writing into memory cannot fail, and all rows are of one length");
    };
    row(OWN.map(str::to_owned));
    for (i, scene) in project.scenes.iter().enumerate() {
        let names: Vec<String> = scene.foreground.iter().map(|name| cleaned(name)).collect();
        row([
            (i + 1).to_string(),
            cleaned(&scene.prompt),
            names_list(&names),
            cleaned(&scene.background),
            camera_text(scene.camera),
            bare_seconds(scene.duration_ms),
            bare_seconds(scene.dissolve_ms),
            cleaned(&scene.note),
        ]);
    }
    writer.into_inner().expect("writing into memory cannot fail")
}
