//! Files that are no scripts, broken ones, and ones that would like to be the end of the program.

use crate::rng::Rng;
use reelboard::draft::example_project;
use reelboard::writer::{
    FormatError, MOST_BYTES, ScriptFormat, read_script, read_script_file, save_script, write_script,
};
use std::time::{Duration, Instant};

fn error(name: &str, bytes: &[u8]) -> FormatError {
    match read_script(name, bytes, None) {
        Err(error) => error,
        Ok(read) => panic!("{name} was read: {:?}", read.scenes.first()),
    }
}

#[test]
fn what_is_no_script_is_explained() {
    assert!(matches!(error("a.txt", b""), FormatError::Empty { .. }));
    assert!(matches!(error("a.fountain", b" \r\n\t\r\n"), FormatError::Empty { .. }));
    assert!(matches!(error("a.txt", b"\xef\xbb\xbf"), FormatError::Empty { .. }));
    assert!(matches!(error("a.txt", b"Mia\0waves"), FormatError::NotText { at: 3, byte: 0, .. }));
    assert!(matches!(error("a.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xd8"), FormatError::NotText { .. }));
    assert!(matches!(error("a.txt", b"\xff\xfe\0\0M\0\0\0"), FormatError::Encoding { .. }));
    assert!(matches!(error("a.txt", b"\xff\xfeM\0i\0a\0\0\xd8"), FormatError::Encoding { .. }));
    // Shift JIS.
    let japanese = b"\x93\x94\x91\xe4\x8e\xe7\x82\xaa\x83\x89\x83\x93\x83v\x82\xf0\x93_\x82\xb7\x81B";
    assert!(matches!(error("a.txt", japanese), FormatError::Encoding { .. }));
    assert!(matches!(error("a.txt", b"...!?"), FormatError::NoScenes { .. }));
    assert!(matches!(error("a.fountain", b"INT. HOUSE - DAY\n\n"), FormatError::NoScenes { .. }));
    let noise: Vec<u8> = (0..4096).scan(Rng(1), |rng, _| Some(rng.next() as u8)).collect();
    assert!(matches!(error("a.fdx", &noise), FormatError::NotText { .. }));
}

#[test]
fn broken_xml_is_found_by_line_and_column() {
    let broken = "<?xml version=\"1.0\"?>\n<FinalDraft>\n  <Content>\n    <Paragraph></Pragraph>\n</FinalDraft>";
    let found = error("a.fdx", broken.as_bytes());
    assert!(matches!(found, FormatError::Xml { line: 4, column: 16, .. }), "{found}");
    assert!(found.to_string().starts_with("a.fdx, line 4, column 16: broken XML ("), "{found}");
    assert!(matches!(error("a.fdx", b"<FinalDraft><Content>"), FormatError::Xml { .. }));
    assert!(matches!(error("a.fdx", b"<?xml version=\"1.0\"?><html/>"), FormatError::NotFinalDraft { .. }));
    assert!(matches!(error("a.fdx", b"<FinalDraft/>"), FormatError::NoScenes { .. }));
}

#[test]
fn entity_bombs_and_deep_nesting_do_no_harm() {
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;\">\
                <!ENTITY c \"&b;&b;&b;&b;&b;&b;\">]><FinalDraft><Content><Paragraph><Text>&c;</Text></Paragraph>\
                </Content></FinalDraft>";
    assert!(error("a.fdx", bomb.as_bytes()).to_string().contains("entities of its own"));
    let deep = format!("<FinalDraft><Content>{}{}</Content></FinalDraft>", "<Paragraph>".repeat(200_000), {
        "</Paragraph>".repeat(200_000)
    });
    assert!(read_script("a.fdx", deep.as_bytes(), None).is_err());
    let dual = "<Paragraph><DualDialogue>".repeat(50_000);
    let end = "</DualDialogue></Paragraph>".repeat(50_000);
    let deep = format!("<FinalDraft><Content>{dual}{end}</Content></FinalDraft>");
    assert!(read_script("a.fdx", deep.as_bytes(), None).is_err());
}

#[test]
fn a_table_that_is_none_is_explained() {
    let wide = format!("action{}\nx\n", ",c".repeat(10_000));
    assert!(matches!(
        read_script("a.csv", wide.as_bytes(), Some(ScriptFormat::Csv)),
        Err(FormatError::TooManyColumns { line: 1, columns: 10_001, .. })
    ));
    let wide = format!("action,place\nx{}\n", ",c".repeat(10_000));
    assert!(matches!(error("a.csv", wide.as_bytes()), FormatError::TooManyColumns { line: 2, .. }));
    let found = error("a.csv", b"foo,bar\n1,2\n");
    assert!(found.to_string().contains("\"foo\", \"bar\""), "{found}");
    let open = read_script("a.csv", b"action,place\n\"Mia waves,beach\n", None).unwrap();
    assert_eq!(open.scenes[0].scene.prompt, "Mia waves,beach");
}

#[test]
fn files_that_are_too_large_or_no_files_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.fountain");
    std::fs::File::create(&large).unwrap().set_len(100_000_000).unwrap();
    let start = Instant::now();
    assert!(matches!(read_script_file(&large, None), Err(FormatError::TooLarge { .. })));
    assert!(matches!(read_script_file(folder.path(), None), Err(FormatError::NotAFile { .. })));
    assert!(matches!(read_script_file(&folder.path().join("none"), None), Err(FormatError::Read { .. })));
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(matches!(error("a.txt", &vec![b'a'; MOST_BYTES as usize + 1]), FormatError::TooLarge { .. }));
    let rows = format!("action,place\n{}", "x,y\n".repeat(3000));
    assert!(matches!(error("a.csv", rows.as_bytes()), FormatError::TooManyScenes { .. }));
}

#[test]
fn no_repetition_hangs_the_reader() {
    let size = 300_000;
    for piece in [
        "[[",
        "/*",
        "a.",
        "*",
        "_",
        "( ",
        "\"",
        "\\",
        "[step_1: ",
        "<think>",
        "MIA\n",
        "INT. X\n\n",
        ">",
        "=",
        "1. ",
        "x,",
        "é",
        "A (1) ",
        "; ",
    ] {
        // Marks without an end, and with one that comes too late.
        let text = piece.repeat(size / piece.len()) + "\n\n]]*/</think>\"";
        for format in ScriptFormat::ALL {
            let start = Instant::now();
            let _ = read_script("a", text.as_bytes(), Some(format));
            assert!(start.elapsed() < Duration::from_secs(20), "{format:?} of {piece:?}: {:?}", start.elapsed());
        }
    }
}

#[test]
fn a_damaged_file_is_read_or_refused_but_never_a_panic() {
    let good: Vec<(ScriptFormat, Vec<u8>)> =
        ScriptFormat::ALL.into_iter().map(|format| (format, write_script(&example_project(), format))).collect();
    let mut rng = Rng(7);
    let (mut readable, mut refused) = (0, 0);
    for round in 0..1500 {
        let (format, bytes) = &good[round % good.len()];
        let mut bytes = bytes.clone();
        for _ in 0..1 + rng.below(12) {
            let at = rng.below(bytes.len());
            match rng.below(4) {
                0 => bytes[at] ^= 1 << rng.below(8),
                1 => bytes[at] = rng.one_of(b"[]{}<>\"';:|,*_\\/#=!@~.\n\r\t -"),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(100)),
            }
        }
        let forced = if rng.below(2) == 0 { Some(*format) } else { None };
        match read_script("damaged", &bytes, forced) {
            Ok(read) => {
                assert!(!read.scenes.is_empty());
                readable += 1;
            }
            Err(error) => {
                assert!(error.to_string().len() > 10);
                refused += 1;
            }
        }
    }
    println!("{readable} read, {refused} refused");
    assert!(readable > 100 && refused > 100);
}

#[test]
fn a_script_replaces_a_file_only_when_it_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let film = example_project();
    let path = folder.path().join("film.fountain");
    std::fs::write(&path, "old").unwrap();
    save_script(&film, ScriptFormat::Fountain, &path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), write_script(&film, ScriptFormat::Fountain));
    assert!(save_script(&film, ScriptFormat::Csv, &folder.path().join("no/folder.csv")).is_err());
    assert!(save_script(&film, ScriptFormat::Csv, folder.path()).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn no_cell_of_an_exported_table_is_a_formula() {
    let mut film = example_project();
    film.scenes.truncate(1);
    film.scenes[0].prompt = "=HYPERLINK(\"http://x\")".to_owned();
    film.scenes[0].foreground = vec!["+1".to_owned(), "@me".to_owned()];
    film.scenes[0].background = "-2+3".to_owned();
    film.scenes[0].note = "\tx".to_owned();
    let bytes = write_script(&film, ScriptFormat::Csv);
    let mut reader = csv::Reader::from_reader(&bytes[3..]);
    for record in reader.records().map(Result::unwrap) {
        for cell in &record {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell:?}");
        }
    }
}
