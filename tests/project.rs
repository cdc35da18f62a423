//! What a user can rely on: undo is exact, and what was edited and saved is there after opening.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod random_edits;
mod rng;

use random_edits::random_edit;
use reelboard::project::{
    Edit, EntityKind, History, MediaName, Mended, Project, ProjectStore, SCHEMA, Scene, SceneField, StillSettings,
    StoreError, read_project,
};
use rng::Rng;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The project without the number that only ever grows.
fn content(project: &Project) -> Project {
    Project { next_id: 0, ..project.clone() }
}

/// A project after this many random edits, and those that were applied.
fn random_film(seed: u64, edits: u64) -> (Project, Vec<Edit>) {
    let mut rng = Rng(seed);
    let mut project = Project::new("A keeper rescues a boat");
    let mut applied = Vec::new();
    for step in 0..edits {
        let edit = random_edit(&mut rng, &project, 1000 * (step + 1));
        if project.apply(edit.clone()).is_ok() {
            applied.push(edit);
        }
    }
    (project, applied)
}

#[test]
fn undo_is_exact_and_a_refused_edit_changes_nothing() {
    let (mut done, mut refused) = (0, 0);
    for seed in 0..20 {
        let mut rng = Rng(seed);
        let mut project = Project::new("A keeper rescues a boat");
        let mut states = Vec::new();
        for step in 0..400 {
            let before = project.clone();
            match project.apply(random_edit(&mut rng, &project, 1000 * (step + 1))) {
                Ok(inverse) => states.push((before, inverse, project.clone())),
                Err(_) => {
                    refused += 1;
                    assert_eq!(project, before, "seed {seed}, step {step}");
                }
            }
        }
        done += states.len();
        for (step, (before, inverse, after)) in states.into_iter().enumerate().rev() {
            let redo = project.apply(inverse).unwrap();
            assert_eq!(content(&project), content(&before), "seed {seed}, edit {step}");
            let undo = project.apply(redo).unwrap();
            assert_eq!(content(&project), content(&after), "seed {seed}, edit {step}, redone");
            project.apply(undo).unwrap();
        }
    }
    assert!(done > 4000 && refused > 500, "{done} done, {refused} refused: the edits are not varied enough");
}

#[test]
fn undo_and_redo_walk_back_and_forth_over_the_same_states() {
    for seed in 100..110 {
        let mut rng = Rng(seed);
        let mut project = Project::new("A keeper rescues a boat");
        let mut history = History::new();
        let mut states = vec![project.clone()];
        for step in 0..200 {
            // Takes come from the engine: they are not recorded, and stay.
            let edit = random_edit(&mut rng, &project, 1000 * (step + 1));
            if matches!(edit, Edit::AddTake { .. }) {
                continue;
            }
            if let Ok(inverse) = project.apply(edit) {
                history.record(inverse, None);
                states.push(project.clone());
            }
        }
        let mut journal = Vec::new();
        for state in states.iter().rev().skip(1) {
            journal.extend(history.undo(&mut project).unwrap());
            assert_eq!(content(&project), content(state));
        }
        assert!(!history.can_undo());
        for state in states.iter().skip(1) {
            journal.extend(history.redo(&mut project).unwrap());
            assert_eq!(content(&project), content(state));
        }
        // What undo and redo return is enough to do the same elsewhere.
        let mut replayed = states[states.len() - 1].clone();
        for edit in journal {
            replayed.apply(edit).unwrap();
        }
        assert_eq!(content(&replayed), content(&project));
    }
}

#[test]
fn renaming_to_the_same_name_keeps_the_description() {
    let mut project = Project::new("");
    let describe = reelboard::project::EntityField::Description("red coat".to_owned());
    project.apply(project.entity_edit(EntityKind::Foreground, "Mia", describe)).unwrap();
    let before = project.clone();
    project.apply(project.rename_edit(EntityKind::Foreground, "Mia", "Mia")).unwrap();
    assert_eq!(project, before);
}

#[test]
fn a_copied_scene_has_takes_of_its_own() {
    let has_takes = |scene: &&Scene| scene.chosen.is_some() && scene.takes.len() > 1;
    // A film with the last of all numbers in it has none left for a copy.
    let films = (0..40).map(|seed| random_film(seed, 400).0).filter(|film| film.next_id < u64::MAX);
    let mut films = films.filter_map(|film| Some((film.scenes.iter().find(has_takes)?.clone(), film)));
    let (original, mut project) = films.next().unwrap();
    let copy = project.copy_of_scene(original.id).unwrap();
    assert_eq!(copy.chosen_take().unwrap().media, original.chosen_take().unwrap().media);
    project.apply(Edit::InsertScene { index: 0, scene: Box::new(copy) }).unwrap();
}

/// A saved project with three edits in its journal.
fn saved_film(temporary: &TempDir) -> (PathBuf, Project) {
    let folder = temporary.path().join("film.reel");
    // One with a scene and a picture.
    let mut films = (28..).map(|seed| random_film(seed, 40));
    let has_both = |film: &Project| !film.scenes.is_empty() && format!("{film:?}").contains(".png\")");
    let (mut project, edits) = films.find(|(film, _)| has_both(film)).unwrap();
    let mut store = ProjectStore::create(&folder, &Project::new("A keeper rescues a boat")).unwrap();
    for edit in edits {
        store.append(&edit).unwrap();
    }
    store.save(&project).unwrap();
    for style in ["noir", "watercolour", "woodcut"] {
        apply(&mut store, &mut project, Edit::SetStyle(style.to_owned()));
    }
    (folder, project)
}

fn apply(store: &mut ProjectStore, project: &mut Project, edit: Edit) {
    project.apply(edit.clone()).unwrap();
    store.append(&edit).unwrap();
}

fn edit_text(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// The message without the folder that differs from run to run.
fn message(error: &StoreError, temporary: &TempDir) -> String {
    let prefix = format!("{}{}", temporary.path().display(), std::path::MAIN_SEPARATOR);
    error.to_string().replace(&prefix, "")
}

#[test]
fn everything_is_there_after_opening() {
    let temporary = tempfile::tempdir().unwrap();
    let (folder, project) = saved_film(&temporary);
    assert_eq!(content(&read_project(&folder).unwrap()), content(&project));
    let (mut store, opened_project, opened) = ProjectStore::open(&folder).unwrap();
    assert_eq!(content(&opened_project), content(&project));
    assert_eq!((opened.replayed, store.unsaved_edits()), (3, 3));
    assert_eq!(opened.to_string(), "recovered 3 edits made after the last save");
    store.save(&project).unwrap();
    drop(store);
    let (_store, opened_project, opened) = ProjectStore::open(&folder).unwrap();
    assert_eq!(opened_project, project);
    assert!(opened.in_order(), "{opened}");
    assert_eq!(opened.to_string(), "nothing to recover");
}

#[test]
fn a_person_can_read_and_write_the_project_file() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("film.reel");
    let mut project = Project::new("灯台守 rescues a \"boat\"");
    let mut scene = Scene::new(project.new_scene_id(), "The keeper lights the lamp");
    scene.foreground = vec!["keeper".to_owned(), "lamp".to_owned()];
    project.apply(Edit::InsertScene { index: 0, scene: Box::new(scene) }).unwrap();
    drop(ProjectStore::create(&folder, &project).unwrap());
    let text = fs::read_to_string(folder.join("project.ron")).unwrap();
    for line in
        ["    schema: 1,", "premise: \"灯台守 rescues a \\\"boat\\\"\",", "prompt: \"The keeper lights the lamp\","]
    {
        assert!(text.contains(line), "{text}");
    }
    // By hand: only what matters, in any order, with a comment.
    let text =
        "( schema: 1, revision: 0, // mine\n project: ( scenes: [(prompt: \"Mia waves\", id: 5)], premise: \"x\" ) )";
    fs::write(folder.join("project.ron"), text).unwrap();
    let (_store, project, opened) = ProjectStore::open(&folder).unwrap();
    assert_eq!(project.scenes[0].prompt, "Mia waves");
    assert_eq!(opened.to_string(), "new scenes and takes are numbered from 6 on");
}

#[test]
fn a_journal_cut_anywhere_opens_with_every_whole_edit() {
    let temporary = tempfile::tempdir().unwrap();
    let (folder, _) = saved_film(&temporary);
    let path = folder.join("journal.ron-lines");
    let journal = fs::read(&path).unwrap();
    for cut in 0..=journal.len() {
        fs::write(&path, &journal[..cut]).unwrap();
        let (_store, _project, opened) = ProjectStore::open(&folder).unwrap();
        let whole = journal[..cut].iter().filter(|&&byte| byte == b'\n').count() as u64;
        assert_eq!(opened.replayed, whole, "cut at byte {cut}");
        let unfinished = cut > 0 && journal[cut - 1] != b'\n';
        assert_eq!(opened.mended, if unfinished { vec![Mended::UnfinishedEdit] } else { vec![] });
    }
}

#[test]
fn a_project_file_cut_anywhere_says_where_it_ends() {
    let temporary = tempfile::tempdir().unwrap();
    let (folder, _) = saved_film(&temporary);
    let path = folder.join("project.ron");
    fs::remove_file(folder.join("journal.ron-lines")).unwrap();
    let whole = fs::read(&path).unwrap();
    let end = whole.len() - 1;
    for cut in (0..end).step_by(7).chain(end - 40..end) {
        fs::write(&path, &whole[..cut]).unwrap();
        let error = read_project(&folder).unwrap_err();
        assert!(error.to_string().contains("the rest of the file is missing"), "cut at byte {cut}: {error}");
    }
    let short = "(\n    schema: 1,\n    revision: 0,\n    project: (\n        premise: \"A keeper";
    fs::write(&path, short).unwrap();
    let error = read_project(&folder).unwrap_err();
    assert_eq!(
        message(&error, &temporary),
        "film.reel/project.ron, line 5, column 18: the rest of the file is missing; mend it in a text editor or put a copy \
         of the file back"
    );
}

#[test]
fn edits_behind_a_damaged_one_are_kept_aside() {
    let temporary = tempfile::tempdir().unwrap();
    let (folder, _) = saved_film(&temporary);
    edit_text(&folder.join("journal.ron-lines"), "watercolour", "Watercolour");
    let (mut store, mut project, opened) = ProjectStore::open(&folder).unwrap();
    assert_eq!(project.style, "noir");
    let [Mended::DamagedJournal { line: 2, kept_in: Some(kept_in), .. }] = &opened.mended[..] else {
        panic!("{opened}")
    };
    assert!(fs::read_to_string(kept_in).unwrap().contains("woodcut"));
    println!("{opened}");
    apply(&mut store, &mut project, Edit::SetStyle("pastel".to_owned()));
    drop(store);
    let (_store, project, opened) = ProjectStore::open(&folder).unwrap();
    assert_eq!((project.style.as_str(), opened.replayed, opened.mended.len()), ("pastel", 2, 0));
}

#[test]
fn a_kill_between_saving_and_emptying_the_journal_does_no_harm() {
    let temporary = tempfile::tempdir().unwrap();
    let (folder, project) = saved_film(&temporary);
    let path = folder.join("journal.ron-lines");
    let journal = fs::read(&path).unwrap();
    let (mut store, _, _) = ProjectStore::open(&folder).unwrap();
    store.save(&project).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"");
    drop(store);
    fs::write(&path, journal).unwrap();
    let (mut store, mut reopened, opened) = ProjectStore::open(&folder).unwrap();
    assert_eq!(content(&reopened), content(&project));
    assert!(opened.in_order());
    apply(&mut store, &mut reopened, Edit::SetStyle("pastel".to_owned()));
    assert_eq!(read_project(&folder).unwrap().style, "pastel");
}

#[test]
fn what_a_killed_process_left_unfinished_is_removed() {
    let temporary = tempfile::tempdir().unwrap();
    let (folder, project) = saved_film(&temporary);
    let left = [folder.join("project.ron.unfinished"), folder.join("media").join("aa.png.3.unfinished")];
    for file in &left {
        fs::write(file, "half").unwrap();
    }
    let (_store, opened_project, _) = ProjectStore::open(&folder).unwrap();
    assert_eq!(content(&opened_project), content(&project));
    assert!(left.iter().all(|file| !file.exists()));
}

#[test]
fn a_failed_save_leaves_the_project_as_it_was() {
    let temporary = tempfile::tempdir().unwrap();
    let (folder, mut project) = saved_film(&temporary);
    let (mut store, _, _) = ProjectStore::open(&folder).unwrap();
    let obstacle = folder.join("project.ron.unfinished");
    fs::create_dir(&obstacle).unwrap();
    let error = store.save(&project).unwrap_err();
    println!("{}", message(&error, &temporary));
    assert_eq!(content(&read_project(&folder).unwrap()), content(&project));
    apply(&mut store, &mut project, Edit::SetStyle("pastel".to_owned()));
    assert_eq!(content(&read_project(&folder).unwrap()), content(&project));
    fs::remove_dir(&obstacle).unwrap();
    store.save(&project).unwrap();
    assert_eq!(read_project(&folder).unwrap(), project);
}

#[test]
fn two_programs_cannot_write_the_same_project() {
    let temporary = tempfile::tempdir().unwrap();
    let (folder, project) = saved_film(&temporary);
    let (store, _, _) = ProjectStore::open(&folder).unwrap();
    let error = ProjectStore::open(&folder).unwrap_err();
    assert_eq!(
        message(&error, &temporary),
        "film.reel: the project is open in another Reelboard; close it there first"
    );
    assert_eq!(content(&read_project(&folder).unwrap()), content(&project), "reading is always possible");
    drop(store);
    ProjectStore::open(&folder).unwrap();
}

#[test]
fn a_file_that_cannot_be_opened_says_why_and_what_to_do() {
    let temporary = tempfile::tempdir().unwrap();
    let (folder, _) = saved_film(&temporary);
    let path = folder.join("project.ron");
    let whole = fs::read_to_string(&path).unwrap();
    let opening = |folder: &Path| message(&ProjectStore::open(folder).unwrap_err(), &temporary);
    let reading = |folder: &Path| message(&read_project(folder).unwrap_err(), &temporary);
    let refused = |from: &str, to: &str| {
        fs::write(&path, &whole).unwrap();
        edit_text(&path, from, to);
        let said = opening(&folder);
        assert_eq!(reading(&folder), said);
        println!("{said}");
        said
    };

    let newer = refused("schema: 1", "schema: 7, camera_tracks: [Dolly(3)]");
    assert!(newer.contains(&format!("(schema 7, this one knows up to {SCHEMA}); update Reelboard")), "{newer}");
    assert!(refused("schema: 1", "schema: 0").contains("no Reelboard wrote schema 0"));

    let picture = whole.split('"').find(|part| part.len() == 68 && part.ends_with(".png")).unwrap();
    let leaving = refused(picture, "../../etc/passwd");
    assert!(leaving.starts_with("film.reel/project.ron, line "), "{leaving}");
    assert!(leaving.contains("\"../../etc/passwd\" is not a media file name"), "{leaving}");

    assert!(refused("direction: ", "direction: sideways, was: ").contains("sideways"));
    assert!(refused("duration_ms: ", "duration_ms: 9").contains("a scene lasts from 0.5 to 60 seconds"));
    assert!(refused("premise:", "premise").contains("line "));
    assert!(refused("fps: ", "fps: 999").contains("frames per second"));
    fs::write(&path, b"(\n  schema: 1, \xff").unwrap();
    assert!(opening(&folder).starts_with("film.reel/project.ron, line 2, column 14: this is not text;"));

    let said = opening(&temporary.path().join("gone.reel"));
    assert_eq!(said, "gone.reel: there is no such project; check the name, or make a new project");
    let empty = temporary.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert!(opening(&empty).starts_with("empty: not a Reelboard project"));
    let file = temporary.path().join("film.mp4");
    fs::write(&file, "x").unwrap();
    assert!(opening(&file).starts_with("film.mp4: not a Reelboard project"));
}

#[test]
fn a_new_project_never_takes_the_place_of_something_else() {
    let temporary = tempfile::tempdir().unwrap();
    let (folder, project) = saved_film(&temporary);
    let creating = |folder: &Path| ProjectStore::create(folder, &Project::new("")).unwrap_err();
    assert!(matches!(creating(&folder), StoreError::Exists { .. }));
    assert_eq!(content(&read_project(&folder).unwrap()), content(&project));
    // Without its project.ron a folder may still hold the user's only pictures.
    fs::remove_file(folder.join("project.ron")).unwrap();
    assert!(matches!(creating(&folder), StoreError::NotEmpty { .. }));
    // What a killed attempt leaves is no obstacle.
    let again = temporary.path().join("again.reel");
    fs::create_dir_all(again.join("media")).unwrap();
    for left in [".lock", "journal.ron-lines", "project.ron.unfinished"] {
        fs::write(again.join(left), "").unwrap();
    }
    ProjectStore::create(&again, &project).unwrap();
}

#[test]
fn a_project_from_before_stars_locks_and_settings_of_scenes_opens_and_is_edited() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("film.reel");
    drop(ProjectStore::create(&folder, &Project::new("")).unwrap());
    let media = "0".repeat(64);
    let text = format!(
        "(schema: 1, revision: 0, project: (premise: \"\", next_id: 9, scenes: [(id: 1, prompt: \"\", chosen: Some(4), \
         takes: [(id: 4, kind: still, media: \"{media}.png\", recipe: (studio: \"draft\", prompt: \"\", style: \"\", \
         size: (64, 64), seed: 1, entities: []))])]))"
    );
    fs::write(folder.join("project.ron"), text).unwrap();
    let (mut store, mut project, opened) = ProjectStore::open(&folder).unwrap();
    assert!(opened.in_order());
    let scene = &project.scenes[0];
    assert_eq!((scene.locked, scene.takes[0].starred, project.still_settings(scene)), (false, false, &project.still));
    let (id, take) = (scene.id, scene.takes[0].id);
    let settings = StillSettings { steps: 7, ..StillSettings::default() };
    for edit in [
        Edit::StarTake { id, take, starred: true },
        Edit::SetScene { id, field: SceneField::Still(Some(settings)) },
        Edit::SetScene { id, field: SceneField::Locked(true) },
    ] {
        apply(&mut store, &mut project, edit);
    }
    // From the journal, and then from the file.
    for _ in 0..2 {
        drop(store);
        let reopened;
        (store, reopened, _) = ProjectStore::open(&folder).unwrap();
        assert_eq!(content(&reopened), content(&project));
        store.save(&project).unwrap();
    }
    let scene = &project.scenes[0];
    assert!(scene.locked && scene.takes[0].starred);
    assert_eq!(project.still_settings(scene).steps, 7);
    let refused = SceneField::Still(Some(StillSettings { steps: 0, ..StillSettings::default() }));
    assert!(project.clone().apply(Edit::SetScene { id, field: refused }).is_err());
}

#[test]
fn a_choice_of_a_take_that_is_gone_shows_the_draft() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("film.reel");
    let text = "(schema: 1, revision: 0, project: (premise: \"\", next_id: 9, scenes: [(id: 1, prompt: \"\", chosen: Some(4))]))";
    drop(ProjectStore::create(&folder, &Project::new("")).unwrap());
    fs::write(folder.join("project.ron"), text).unwrap();
    let (_store, project, opened) = ProjectStore::open(&folder).unwrap();
    assert_eq!(project.scenes[0].chosen, None);
    assert_eq!(opened.to_string(), "scene 1 used take 4, which it does not have, and shows its draft now");
}

#[test]
fn media_files_are_never_rewritten_and_damage_is_noticed() {
    let temporary = tempfile::tempdir().unwrap();
    let (folder, _) = saved_film(&temporary);
    let (store, _, _) = ProjectStore::open(&folder).unwrap();
    let media = store.media();
    let name = media.put(b"a picture", "PNG").unwrap();
    assert_eq!(name, MediaName::of(b"a picture", "png").unwrap());
    let file = media.path(&name);
    assert_eq!(file, folder.join("media").join(name.as_str()));
    // A read-only file shows that the second put does not touch it.
    let mut permissions = fs::metadata(&file).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&file, permissions.clone()).unwrap();
    let other = media.clone();
    let put = std::thread::scope(|scope| scope.spawn(|| other.put(b"a picture", "png").unwrap()).join().unwrap());
    assert_eq!(put, name);
    assert!(fs::metadata(&file).unwrap().permissions().readonly());
    assert_eq!(media.read(&name).unwrap(), b"a picture");
    assert_eq!(fs::read_dir(folder.join("media")).unwrap().count(), 1, "nothing unfinished stays");

    #[expect(clippy::permissions_set_readonly_false, reason = "a temporary file")]
    permissions.set_readonly(false);
    fs::set_permissions(&file, permissions).unwrap();
    fs::write(&file, b"another picture").unwrap();
    let error = media.read(&name).unwrap_err();
    assert!(message(&error, &temporary).contains("no longer matches its name"), "{error}");
    media.put(b"a picture", "png").unwrap();
    assert_eq!(media.read(&name).unwrap(), b"a picture");
    fs::remove_file(&file).unwrap();
    let error = media.read(&name).unwrap_err();
    assert!(message(&error, &temporary).contains("the media file is missing"), "{error}");
    assert!(matches!(media.put(b"x", "../png"), Err(StoreError::MediaName(_))));
}

#[cfg(unix)]
#[test]
fn a_folder_without_write_permission_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let temporary = tempfile::tempdir().unwrap();
    let (folder, project) = saved_film(&temporary);
    let (mut store, _, _) = ProjectStore::open(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let error = store.save(&project);
    drop(store);
    fs::remove_file(folder.join(".lock")).ok();
    let opening = ProjectStore::open(&folder);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    // Root may write everywhere.
    let (Err(error), Err(opening)) = (error, opening) else { return };
    assert_eq!(
        message(&error, &temporary),
        "film.reel/project.ron: no permission to save it; change the permissions, or copy the project to a folder of yours"
    );
    assert_eq!(
        message(&opening, &temporary),
        "film.reel: no permission to write in it; change the permissions, or copy the project to a folder of yours"
    );
    assert_eq!(content(&read_project(&folder).unwrap()), content(&project));
}

#[test]
#[ignore = "needs a disk to fill: mount -t tmpfs -o size=1m none DIR; REELBOARD_FULL_DISK=DIR cargo test --test project -- --ignored a_full_disk"]
fn a_full_disk_costs_nothing_that_was_acknowledged() {
    let disk = PathBuf::from(std::env::var_os("REELBOARD_FULL_DISK").expect("REELBOARD_FULL_DISK names a small disk"));
    let folder = disk.join("film.reel");
    let ballast = disk.join("ballast");
    let fill = || {
        use std::io::Write;
        let mut file = fs::File::options().create(true).append(true).open(&ballast).unwrap();
        for size in [4096, 64, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    };
    let mut project = Project::new("A keeper rescues a boat");
    let mut store = ProjectStore::create(&folder, &project).unwrap();
    apply(&mut store, &mut project, Edit::SetStyle("noir".to_owned()));
    let acknowledged = project.clone();
    let journal = folder.join("journal.ron-lines");
    let journal_before = fs::read(&journal).unwrap();

    fill();
    for i in 0..3 {
        // More than the rest of a block.
        let edit = Edit::SetPremise(format!("{i} {}", "a keeper rescues a boat ".repeat(400)));
        project.apply(edit.clone()).unwrap();
        let error = store.append(&edit).unwrap_err();
        println!("append: {error}");
        assert!(matches!(error, StoreError::NoSpace { .. }));
        assert_eq!(fs::read(&journal).unwrap(), journal_before, "no half line stays");
    }
    let error = store.save(&project).unwrap_err();
    println!("save: {error}");
    assert!(matches!(error, StoreError::NoSpace { .. }));
    assert!(!folder.join("project.ron.unfinished").exists());
    let error = store.media().put(&[7; 100_000], "png").unwrap_err();
    println!("media: {error}");
    let error = ProjectStore::create(&disk.join("other.reel"), &project).unwrap_err();
    println!("create: {error}");
    assert_eq!(read_project(&folder).unwrap(), acknowledged);

    fs::remove_file(&ballast).unwrap();
    apply(&mut store, &mut project, Edit::SetStyle("woodcut".to_owned()));
    assert_eq!(read_project(&folder).unwrap(), project, "the edits that had no space come first");

    fill();
    drop(store);
    let (mut store, reopened, opened) = ProjectStore::open(&folder).unwrap();
    println!("open on the full disk: {opened}");
    assert_eq!(reopened, project);
    store.save(&project).unwrap_err();
    fs::remove_file(&ballast).unwrap();
    store.save(&project).unwrap();
    drop(store);
    let (_, reopened, opened) = ProjectStore::open(&folder).unwrap();
    assert_eq!(reopened, project);
    assert!(opened.in_order());
}
