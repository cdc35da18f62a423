//! Scripts from elsewhere become the scenes that their authors meant.

use reelboard::project::{Direction, Project, Speed};
use reelboard::writer::{Imported, Intake, ScriptFormat, read_script};

fn read(name: &str, text: &str) -> Imported {
    read_script(name, text.as_bytes(), None).unwrap_or_else(|error| panic!("{error}"))
}

fn prompts(read: &Imported) -> Vec<&str> {
    read.scenes.iter().map(|found| found.scene.prompt.as_str()).collect()
}

fn backgrounds(read: &Imported) -> Vec<&str> {
    read.scenes.iter().map(|found| found.scene.background.as_str()).collect()
}

/// Whether a remark about this line has these words.
fn says(read: &Imported, line: usize, words: &str) -> bool {
    read.notes.iter().any(|note| note.line == Some(line) && note.text.contains(words))
}

const FOUNTAIN: &str = "\
Title: _**The Paper Boat**_
Credit: Written by
Author: A. Writer
Style: watercolour

# Act One

= Mia finds the boat.

EXT. ROCKY SHORE - NIGHT #1#

MIA (12) runs over the stones. [[camera: pan left]] She finds a PAPER BOAT.

PUSH IN on the paper boat.

MIA
(whispering)
Is *anybody* there?

OLD KEEPER (V.O.)
Nobody.

/* a scene
that was cut */

The KEEPER'S DOG barks at the paper boat. [[Ask Tom about the dog]]

> DISSOLVE TO:

INT. LIGHTHOUSE - CONTINUOUS

TOM ^
Yes.

MIA ^
No.

> THE LAMP <

.The lamp room

!INT. is not a heading here. _Mia_ lights the \\*lamp\\*.

CUT TO:

EXT. LIGHTHOUSE - DAY

The sea is calm. WILL will wait for Mia.

~La la la

===

FADE OUT.
";

#[test]
fn a_fountain_screenplay_becomes_scenes() {
    let read = read("boat.fountain", FOUNTAIN);
    assert_eq!(read.format, ScriptFormat::Fountain);
    assert_eq!((read.title.as_str(), read.style.as_str()), ("The Paper Boat", "watercolour"));
    assert_eq!(
        prompts(&read),
        [
            "Mia (12) runs over the stones. She finds a PAPER BOAT, at night.",
            "PUSH IN on the paper boat, at night.",
            "The KEEPER'S DOG barks at the paper boat, at night.",
            "Tom and Mia talk, at night.",
            "INT. is not a heading here. Mia lights the *lamp*.",
            "The sea is calm. WILL will wait for Mia, in daylight.",
        ]
    );
    assert_eq!(
        backgrounds(&read),
        ["rocky shore", "rocky shore", "rocky shore", "lighthouse interior", "The lamp room", "lighthouse exterior"]
    );
    let names = |index: usize| &read.scenes[index].scene.foreground;
    assert_eq!(names(0), &["Mia", "paper boat"]);
    assert_eq!(names(1), &["Mia", "paper boat"], "who speaks is seen, who is off the screen is not");
    assert_eq!(names(3), &["Tom", "Mia"]);
    let camera = |index: usize| read.scenes[index].scene.camera.direction;
    assert_eq!((camera(0), camera(1)), (Direction::Left, Direction::Forward));
    let dissolves: Vec<_> = read.scenes.iter().map(|found| found.dissolve_ms).collect();
    assert_eq!(dissolves, [Some(0), Some(0), Some(0), Some(500), Some(0), Some(0)]);
    let note = |index: usize| read.scenes[index].note.as_str();
    assert_eq!(note(0), "# Act One\n\n= Mia finds the boat.");
    assert_eq!(note(1), "MIA\n(whispering)\nIs *anybody* there?\n\nOLD KEEPER (V.O.)\nNobody.");
    assert_eq!(note(2), "Ask Tom about the dog");
    assert_eq!(note(3), "TOM ^\nYes.\n\nMIA ^\nNo.\n\n> THE LAMP <");
    assert_eq!(note(5), "~La la la\n\nFADE OUT.");
    assert!(says(&read, 1, "left out were: Credit, Author"), "{:?}", read.notes);
    let line = |text: &str| FOUNTAIN.lines().position(|line| line.starts_with(text)).unwrap() + 1;
    assert!(says(&read, line("/* a scene"), "was left out"), "{:?}", read.notes);
    assert!(says(&read, line("TOM ^"), "speech without an action"), "{:?}", read.notes);
    assert!(says(&read, line("FADE OUT."), "kept as a note"), "{:?}", read.notes);
    assert!(read.notes.iter().any(|note| note.text.contains("from inside and from outside")));
}

const FDX: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="no" ?>
<FinalDraft DocumentType="Script" Template="No" Version="5">
  <Content>
    <Paragraph Number="1" Type="Scene Heading">
      <SceneProperties Length="1/8" Page="1" Title="">
        <Summary><Paragraph><Text>Mia finds the boat.</Text></Paragraph></Summary>
      </SceneProperties>
      <Text>EXT. ROCKY SHORE - NIGHT</Text>
    </Paragraph>
    <Paragraph Type="Action">
      <Text>Mia runs over the </Text><Text Style="Bold+Underline">wet</Text><Text> stones &amp; stops.</Text>
    </Paragraph>
    <Paragraph Type="Character"><Text>MIA (CONT'D)</Text></Paragraph>
    <Paragraph Type="Parenthetical"><Text>(softly)</Text></Paragraph>
    <Paragraph Type="Dialogue"><Text>Is </Text><Text Style="Italic">anybody</Text><Text> there?</Text></Paragraph>
    <Paragraph Type="Transition"><Text>DISSOLVE TO:</Text></Paragraph>
    <Paragraph Type="Scene Heading"><Text>INT. KITCHEN</Text></Paragraph>
    <Paragraph Type="Shot"><Text>ANGLE ON THE DOOR</Text></Paragraph>
    <Paragraph Type="Action"><ScriptNote ID="1"><Paragraph><Text>camera: zoom out, slow</Text></Paragraph></ScriptNote><Text>The door opens.</Text></Paragraph>
    <Paragraph><DualDialogue>
      <Paragraph Type="Character"><Text>Tom</Text></Paragraph>
      <Paragraph Type="Dialogue"><Text>Yes.</Text></Paragraph>
      <Paragraph Type="Character"><Text>MIA</Text></Paragraph>
      <Paragraph Type="Dialogue"><Text>No.</Text></Paragraph>
    </DualDialogue></Paragraph>
  </Content>
  <ScriptNotes><ScriptNote Range="26,30"><Paragraph><Text>Which stones?</Text></Paragraph></ScriptNote></ScriptNotes>
  <TitlePage><Content><Paragraph><Text></Text></Paragraph><Paragraph><Text>The Paper Boat</Text></Paragraph></Content></TitlePage>
</FinalDraft>
"#;

#[test]
fn a_final_draft_screenplay_becomes_scenes() {
    let read = read("boat.fdx", FDX);
    assert_eq!(read.format, ScriptFormat::FinalDraft);
    assert_eq!(read.title, "The Paper Boat");
    assert_eq!(prompts(&read), ["Mia runs over the wet stones & stops, at night.", "The door opens."]);
    assert_eq!(backgrounds(&read), ["rocky shore", "kitchen"]);
    assert_eq!(read.scenes[0].scene.foreground, ["Mia"]);
    assert_eq!(read.scenes[1].scene.foreground, ["Tom", "Mia"]);
    assert_eq!(
        read.scenes[0].note,
        "= Mia finds the boat.\n\nWhich stones?\n\nMIA (CONT'D)\n(softly)\nIs *anybody* there?"
    );
    assert_eq!(read.scenes[1].note, "ANGLE ON THE DOOR\n\n@Tom\nYes.\n\nMIA ^\nNo.");
    assert_eq!(read.scenes[1].dissolve_ms, Some(500));
    let camera = read.scenes[1].scene.camera;
    assert_eq!((camera.direction, camera.speed), (Direction::Backward, Speed::Slow));
}

#[test]
fn a_shot_list_is_read_by_the_names_of_its_columns() {
    let csv = "\u{feff}Sc.;Shot #;Shot Description;Cast;Location;Camera Movement;Est. Duration (s);Transition;Lens\r\n\
               1;1;\"MIA runs; she falls.\";MIA & TOM;EXT. BEACH - DUSK;Slow push-in;4,5;;35mm\r\n\
               1;2;Tom laughs;TOM;;handheld;soon;Dissolve;\r\n\
               \r\n\
               2;1;\"A gull\nlands\";;;;90;;\r\n\
               ;;;MIA;;;;;\r\n";
    let read = read("shots.csv", csv);
    assert_eq!(read.format, ScriptFormat::Csv);
    assert_eq!(prompts(&read), ["MIA runs; she falls, at dusk.", "Tom laughs", "A gull lands"]);
    assert_eq!(backgrounds(&read), ["beach", "beach", ""], "an empty place goes on within a scene");
    assert_eq!(read.scenes[0].scene.foreground, ["Mia", "Tom"]);
    let camera = read.scenes[0].scene.camera;
    assert_eq!((camera.direction, camera.speed), (Direction::Forward, Speed::Slow));
    assert_eq!(read.scenes[0].note, "Lens: 35mm");
    assert_eq!(read.scenes[1].note, "Camera: handheld\n\nDuration: soon");
    let lengths: Vec<_> = read.scenes.iter().map(|found| (found.duration_ms, found.dissolve_ms)).collect();
    assert_eq!(lengths, [(Some(4500), Some(0)), (None, Some(500)), (Some(60_000), Some(0))]);
    assert!(says(&read, 3, "camera move \"handheld\" is not known"), "{:?}", read.notes);
    assert!(says(&read, 3, "no length of time"));
    assert!(says(&read, 5, "lasts from 0.5 to 60 seconds"), "{:?}", read.notes);
    assert!(read.notes.iter().any(|note| note.text.contains("without an action was left out")));
}

#[test]
fn tables_of_every_separator_and_encoding_are_read() {
    for separator in [',', ';', '\t', '|'] {
        let table = "action,location,duration\nMia wäscht,Küche,3\n".replace(',', &separator.to_string());
        let utf16 = |unit: fn(u16) -> [u8; 2]| table.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        let marked = |mark: [u8; 2], bytes: Vec<u8>| [mark.to_vec(), bytes].concat();
        let latin1: Vec<u8> = table.chars().map(|c| c as u8).collect();
        for bytes in [
            table.clone().into_bytes(),
            ["\u{feff}".as_bytes(), table.as_bytes()].concat(),
            marked([0xff, 0xfe], utf16(u16::to_le_bytes)),
            marked([0xfe, 0xff], utf16(u16::to_be_bytes)),
            utf16(u16::to_le_bytes),
            utf16(u16::to_be_bytes),
            latin1,
            table.replace('\n', "\r").into_bytes(),
        ] {
            let read = read_script("x", &bytes, None).unwrap();
            assert_eq!(
                (read.format, prompts(&read)[0], backgrounds(&read)[0]),
                (ScriptFormat::Csv, "Mia wäscht", "Küche")
            );
        }
    }
}

#[test]
fn lines_above_the_header_of_a_table_are_left_out() {
    let csv = "The Paper Boat,,,\nVersion 3,12 May,,\n\nShot,Description,Location,Duration\n1,Mia waves,shore,3\n";
    let read = read("x.csv", csv);
    assert_eq!((prompts(&read), backgrounds(&read)), (vec!["Mia waves"], vec!["shore"]));
    assert!(says(&read, 1, "above the table: The Paper Boat") && says(&read, 2, "Version 3"), "{:?}", read.notes);
}

#[test]
fn prose_with_commas_is_no_table() {
    let read = read("x.txt", "Character, place, time: a story has all three.\nMia waves, and Tom laughs.");
    assert_eq!(read.format, ScriptFormat::Text);
}

#[test]
fn a_list_without_names_and_places_gets_them_from_the_action() {
    let csv = "shot,duration\nThe old fisherman rows a boat across the lake,3\nThe fisherman waves,2\n";
    let read = read("x.csv", csv);
    assert_eq!(backgrounds(&read), ["lake", "lake"]);
    assert!(read.scenes.iter().all(|found| found.scene.foreground.iter().any(|name| name.ends_with("fisherman"))));
}

#[test]
fn an_answer_of_a_language_model_is_mended_and_the_mending_is_said() {
    let text = "<think>The user wants\na film.</think>Sure! Here is your script:\n\
                [step_1: [A girl walks along the beach; entities: girl, dog; background: beach]]\n\
                [Step 2: [The girl finds a shell; Background: beach; Entities: girl, shell]\n\
                scene_3: The girl waves; entities: girl, background: beach; camera: pan left, fast]] I hope you like it!\n\
                [step_5: [The sun sets]]\n\
                [scene_6: [The girl runs, girl, beach, zoom out, slow]]\n\
                \n\
                [scene_1: [moving up, slow]]\n\
                [scene_2: [static, medium]]\n";
    let read = read("answer.txt", text);
    assert_eq!(read.format, ScriptFormat::Brackets);
    assert_eq!(
        prompts(&read),
        ["A girl walks along the beach", "The girl finds a shell", "The girl waves", "The sun sets", "The girl runs"]
    );
    assert_eq!(backgrounds(&read), ["beach"; 5]);
    let names: Vec<_> = read.scenes.iter().map(|found| found.scene.foreground.join("+")).collect();
    assert_eq!(names, ["girl+dog", "girl+shell", "girl", "", "girl"]);
    let directions: Vec<_> = read.scenes.iter().map(|found| found.scene.camera.direction).collect();
    assert_eq!(directions[..3], [Direction::Up, Direction::Static, Direction::Left]);
    assert_eq!(directions[4], Direction::Backward);
    for (line, words) in [
        (2, "no part of the script"),
        (4, "brackets were mended"),
        (4, "put in order"),
        (5, "brackets were mended"),
        (6, "no entities and no background"),
        (6, "scene 5 is number 4"),
        (7, "without names"),
    ] {
        assert!(says(&read, line, words), "line {line}: {words}: {:?}", read.notes);
    }
    assert!(read.notes.iter().any(|note| note.text.contains("thought aloud")));
    assert!(read.notes.iter().any(|note| note.text.contains("1 scenes have no camera move")), "{:?}", read.notes);
}

#[test]
fn the_papers_script_on_one_line_is_read() {
    let text = "[scene_1: [A girl walks; entities: girl; background: beach]; scene_2: [The girl waves; entities: girl; \
                background: beach]]\n\n[scene_1: [zoom in, fast]; scene_2: [static, slow]]\n";
    let read = read("x.txt", text);
    assert_eq!(prompts(&read), ["A girl walks", "The girl waves"]);
    assert_eq!(backgrounds(&read), ["beach", "beach"]);
    let camera = |index: usize| read.scenes[index].scene.camera.direction;
    assert_eq!((camera(0), camera(1)), (Direction::Forward, Direction::Static));
}

#[test]
fn content_decides_where_the_name_is_wrong() {
    let bracket = "[step_1: [A; entities: a; background: b]]";
    for (name, text, format) in [
        ("film.csv", FOUNTAIN, ScriptFormat::Fountain),
        ("film.txt", FDX, ScriptFormat::FinalDraft),
        ("film.fountain", bracket, ScriptFormat::Brackets),
        ("film", "action,place,duration\nx,y,3", ScriptFormat::Csv),
        ("film.txt", "Mia waves. Tom laughs.", ScriptFormat::Text),
        ("film.fountain", "Mia waves.\n\nTom laughs.", ScriptFormat::Fountain),
    ] {
        assert_eq!(read(name, text).format, format, "{name}");
    }
    let wrong = read("film.csv", FOUNTAIN);
    assert!(wrong.notes.iter().any(|note| note.text.contains("though its name says")));
}

#[test]
fn a_long_paragraph_becomes_several_scenes() {
    let sentence = "Mia walks slowly over the wet stones towards the old lighthouse. ";
    let text = format!("EXT. SHORE - DAY\n\n{}", sentence.repeat(6));
    let read = read("x.fountain", &text);
    assert_eq!(read.scenes.len(), 3);
    assert!(says(&read, 3, "became 3 scenes"));
}

#[test]
fn a_script_replaces_or_follows_the_scenes_in_one_step() {
    let read = read("x.fountain", "Title: The Boat\nStyle: ink\n\nINT. ROOM\n\nMia waves.\n\nTom waves.");
    let mut project = Project::new("");
    let undo_first = project.apply(read.to_edit(&mut project.clone(), Intake::Append, 7)).unwrap();
    assert_eq!((project.scenes.len(), project.premise.as_str(), project.style.as_str()), (2, "The Boat", "ink"));
    assert_eq!((project.scenes[0].seed, project.scenes[1].seed), (7, 8));
    let ids: Vec<_> = project.scenes.iter().map(|scene| scene.id).collect();
    let edit = read.to_edit(&mut project, Intake::Append, 0);
    assert_eq!(edit.label(), "new scenes");
    let undo = project.apply(edit).unwrap();
    assert_eq!(project.scenes.len(), 4);
    project.apply(undo).unwrap();
    let edit = read.to_edit(&mut project, Intake::Replace, 0);
    let undo = project.apply(edit).unwrap();
    assert!(project.scenes.len() == 2 && project.scenes.iter().all(|scene| !ids.contains(&scene.id)));
    project.apply(undo).unwrap();
    assert_eq!(project.scenes.iter().map(|scene| scene.id).collect::<Vec<_>>(), ids);
    project.apply(undo_first).unwrap();
    assert!(project.scenes.is_empty() && project.premise.is_empty());
}
