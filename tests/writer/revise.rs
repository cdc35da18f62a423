//! Revisions with tiny random models: whatever they say, a proposal fits the film, and nothing changes before it is
//! accepted.

use super::tiny::Tiny;
use super::{CancelAt, loaded};
use reelboard::progress::Silent;
use reelboard::project::{
    Change, Edit, EntityField, EntityKind, History, Project, Proposal, SceneField, SceneId, word_diff,
};
use reelboard::writer::{
    ReviseError, ReviseRequest, Revision, Sampling, Writer, WriterError, WriterEvent, check, script_from_text,
};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Five scenes, the third of which is locked.
fn film() -> Project {
    let text = "A young man whisks eggs in the kitchen. The young man drops a bowl in the kitchen. A gray cat licks the \
                floor of the kitchen. The young man chases the gray cat through the garden. The gray cat sleeps under a \
                tree in the garden.";
    let mut project = Project::new("A young man with blue hair bakes a cake");
    for edit in script_from_text(text).unwrap().insert_edits(&mut project.clone(), 7) {
        project.apply(edit).unwrap();
    }
    let locked = project.scenes[2].id;
    project.apply(Edit::SetScene { id: locked, field: SceneField::Locked(true) }).unwrap();
    let looks = EntityField::Description("The young man is tall.".to_owned());
    let edit = project.entity_edit(EntityKind::Foreground, "young man", looks);
    project.apply(edit).unwrap();
    project
}

fn id(project: &Project, number: usize) -> SceneId {
    project.scenes[number - 1].id
}

fn request(project: &Project, revision: Revision, seed: u64) -> ReviseRequest {
    ReviseRequest { project: Arc::new(project.clone()), revision, seed, sampling: Sampling::default() }
}

/// Every kind of revision that a model makes.
fn revisions(project: &Project) -> Vec<Revision> {
    let text = |text: &str| text.to_owned();
    vec![
        Revision::Rewrite { scene: id(project, 1), change: text("make it night") },
        Revision::Insert { after: Some(id(project, 3)), wish: text("a dog arrives") },
        Revision::Insert { after: None, wish: String::new() },
        Revision::Split { scene: id(project, 2) },
        Revision::Merge { scene: id(project, 1) },
        Revision::Continue { scenes: 3, wish: String::new() },
        Revision::Film { change: text("funnier") },
        Revision::Shorten,
        Revision::Cameras,
        Revision::Describe { kind: EntityKind::Foreground, name: text("young man"), wish: text("with a red cap") },
    ]
}

#[track_caller]
fn assert_valid(project: &Project, what: &Revision) {
    let is_field = |text: &str| !text.trim().is_empty() && !text.contains(['[', ']', ';', '"', '\n']);
    for scene in &project.scenes {
        assert!(is_field(&scene.prompt) && scene.prompt.ends_with('.'), "{what:?}: {scene:?}");
        assert!(is_field(&scene.background), "{what:?}: {scene:?}");
        assert!((1..=5).contains(&scene.foreground.len()), "{what:?}: {scene:?}");
        assert!(scene.foreground.iter().all(|name| is_field(name) && !name.contains(',')), "{what:?}: {scene:?}");
        let twice = project.scenes.iter().filter(|other| other.prompt == scene.prompt).count();
        assert_eq!(twice, 1, "{what:?}: {scene:?}");
    }
}

fn revise(writer: &mut Writer, request: &ReviseRequest) -> Proposal {
    writer.revise(request, &Silent, &mut |_| {}).unwrap()
}

#[test]
fn whatever_a_random_model_proposes_fits_the_film_and_is_one_step_to_undo() {
    for (family, pre, seed) in [("qwen2", "qwen2", 1), ("llama", "smollm", 2)] {
        let mut writer = loaded(&Tiny { family, pre, seed, ..Tiny::default() });
        let film = film();
        let locked = film.scenes[2].clone();
        for revision in revisions(&film) {
            let proposal = revise(&mut writer, &request(&film, revision.clone(), seed));
            assert!(!proposal.is_empty(), "{revision:?}");
            let mut project = film.clone();
            let all: Vec<usize> = (0..proposal.items.len()).collect();
            let edit = proposal.to_edit(&mut project, &all).unwrap();
            assert_eq!(project.lock_against(&edit), None, "{revision:?}");
            let mut history = History::new();
            history.record_as(proposal.title.clone(), project.apply(edit).unwrap(), None);
            assert_valid(&project, &revision);
            assert_eq!(project.scene(locked.id), Some(&locked), "{revision:?}");
            let count = project.scenes.len();
            match &revision {
                Revision::Insert { .. } | Revision::Split { .. } => assert_eq!(count, 6),
                Revision::Merge { .. } | Revision::Shorten => assert_eq!(count, 4),
                Revision::Continue { .. } => assert_eq!(count, 8),
                _ => assert_eq!(count, 5),
            }
            history.undo(&mut project).unwrap();
            assert!(!history.can_undo());
            assert_eq!((&project.scenes, &project.cast), (&film.scenes, &film.cast), "{revision:?}");
        }
    }
}

#[test]
fn the_same_seed_proposes_the_same_and_a_proposal_grows_while_it_is_made() {
    let mut writer = loaded(&Tiny::default());
    let film = film();
    let rewrite = Revision::Film { change: "for children".to_owned() };
    let mut heard: Vec<Proposal> = Vec::new();
    let proposal = writer
        .revise(&request(&film, rewrite.clone(), 3), &Silent, &mut |event| {
            if let WriterEvent::Proposal(proposal) = event {
                heard.push(proposal.clone());
            }
        })
        .unwrap();
    assert!(heard.windows(2).all(|pair| pair[0].items.len() <= pair[1].items.len()));
    assert_eq!((heard[0].items.len(), heard.last().unwrap().items.len()), (1, 4));
    assert_eq!(proposal.notes, ["Scene 3 is locked and stays as it is."]);
    assert_eq!(revise(&mut writer, &request(&film, rewrite.clone(), 3)), proposal);
    assert_ne!(revise(&mut writer, &request(&film, rewrite, 4)), proposal);
}

#[test]
fn a_cancelled_revision_leaves_nothing_and_the_writer_goes_on() {
    let mut writer = loaded(&Tiny::default());
    let film = film();
    for revision in revisions(&film) {
        let request = request(&film, revision, 1);
        let stopper = CancelAt { step: 5, steps: AtomicU64::new(0) };
        let stopped = writer.revise(&request, &stopper, &mut |_| {});
        assert!(matches!(stopped, Err(WriterError::Cancelled(_))), "{:?}", request.revision);
        assert!(!revise(&mut writer, &request).is_empty());
    }
}

#[test]
fn what_is_not_possible_is_refused_by_its_reason() {
    let film = film();
    let rewrite = |number, change: &str| Revision::Rewrite { scene: id(&film, number), change: change.to_owned() };
    let rename = |from: &str, to: &str| Revision::Rename {
        kind: EntityKind::Foreground,
        from: from.to_owned(),
        to: to.to_owned(),
    };
    for (revision, expected) in [
        (rewrite(3, "x"), ReviseError::Locked { number: 3 }),
        (rewrite(1, " "), ReviseError::NoWish),
        (rewrite(1, &"x".repeat(500)), ReviseError::LongWish { length: 500 }),
        (Revision::Rewrite { scene: SceneId(99), change: "x".to_owned() }, ReviseError::NoScene),
        (Revision::Merge { scene: id(&film, 5) }, ReviseError::NoNext { number: 5 }),
        (Revision::Merge { scene: id(&film, 2) }, ReviseError::Locked { number: 3 }),
        (Revision::Continue { scenes: 9, wish: String::new() }, ReviseError::Continued { asked: 9 }),
        (rename("young man", "gray cat"), ReviseError::NameTaken { name: "gray cat".to_owned() }),
        (rename("nobody", "Tom"), ReviseError::NoEntity { name: "nobody".to_owned() }),
        (rename("young man", " "), ReviseError::NoName),
        (rename("young man", "young man"), ReviseError::SameName),
    ] {
        assert_eq!(revision.check(&film), Err(expected), "{revision:?}");
    }
    let nothing = Project::new("A film");
    assert_eq!(Revision::Shorten.check(&nothing), Err(ReviseError::NoScenes));
    let mut locked = film.clone();
    locked.scenes.iter_mut().for_each(|scene| scene.locked = true);
    assert_eq!(Revision::Cameras.check(&locked), Err(ReviseError::AllLocked));
    assert_eq!(Revision::Shorten.check(&locked), Err(ReviseError::AllLocked));
}

#[test]
fn a_new_name_is_everywhere_but_in_locked_scenes() {
    let film = film();
    let rename = Revision::Rename { kind: EntityKind::Foreground, from: "young man".to_owned(), to: "Tom".to_owned() };
    assert!(!rename.needs_model());
    let proposal = rename.by_rule(&film).unwrap().unwrap();
    let mut project = film.clone();
    let edit = proposal.to_edit(&mut project, &[0]).unwrap();
    project.apply(edit).unwrap();
    assert_eq!(project.scenes[0].prompt, "Tom whisks eggs in the kitchen.");
    assert_eq!(project.scenes[3].prompt, "Tom chases the gray cat through the garden.");
    assert!(project.scenes[0].foreground.contains(&"Tom".to_owned()));
    assert_eq!(project.cast_entry(EntityKind::Foreground, "Tom").unwrap().description, "Tom is tall.");
    assert_eq!(project.cast_entry(EntityKind::Foreground, "young man"), None);

    // The cat is in the locked scene, too: there it keeps its name, and its looks.
    let mut film = film;
    let looks = EntityField::Description("The gray cat is fat.".to_owned());
    let edit = film.entity_edit(EntityKind::Foreground, "gray cat", looks);
    film.apply(edit).unwrap();
    let merge =
        Revision::MergeNames { kind: EntityKind::Foreground, from: "gray cat".to_owned(), to: "young man".to_owned() };
    let proposal = merge.by_rule(&film).unwrap().unwrap();
    assert_eq!(proposal.notes, ["Scene 3 is locked and keeps the name \"gray cat\"."]);
    let edit = proposal.to_edit(&mut film, &[0]).unwrap();
    film.apply(edit).unwrap();
    assert!(film.scenes[2].foreground.contains(&"gray cat".to_owned()));
    assert_eq!(film.scenes[4].foreground.iter().filter(|name| *name == "young man").count(), 1);
    assert_eq!(film.cast_entry(EntityKind::Foreground, "young man").unwrap().description, "The young man is tall.");
    assert!(film.cast_entry(EntityKind::Foreground, "gray cat").is_some());
}

#[test]
fn a_wish_about_looks_is_in_the_description_word_for_word() {
    let film = film();
    let describe = Revision::Describe {
        kind: EntityKind::Foreground,
        name: "young man".to_owned(),
        wish: "with a red cap".to_owned(),
    };
    let proposal = revise(&mut loaded(&Tiny::default()), &request(&film, describe, 1));
    let Change::Describe { before, after, .. } = &proposal.items[0].changes[0] else { panic!("{proposal:?}") };
    assert_eq!(before, "The young man is tall.");
    assert!(after.contains("with a red cap"), "{after}");
}

#[test]
fn names_and_words_of_any_kind_are_coped_with() {
    let mut film = film();
    let first = id(&film, 1);
    let field = |field| Edit::SetScene { id: first, field };
    for edit in [
        field(SceneField::Prompt("Иван (42) says: \"Hi\"\n[and] waits; {premise}".to_owned())),
        field(SceneField::Foreground(vec!["Иван".to_owned(), "a|b (c)*".to_owned(), "x\ny".to_owned()])),
        field(SceneField::Background("a \"place\"\nwith [brackets]".to_owned())),
    ] {
        film.apply(edit).unwrap();
    }
    let mut writer = loaded(&Tiny::default());
    for revision in revisions(&film) {
        assert!(!revise(&mut writer, &request(&film, revision.clone(), 5)).is_empty(), "{revision:?}");
    }
    // What there is to remark on it does not matter here, only that it is found.
    assert!(!check(&film).is_empty());
    assert!(!word_diff("", &film.scenes[0].prompt).is_empty());
}
