//! Revisions with a server: its answers become proposals that fit the film, or an error that says what they lack.

use super::place::{Place, Reply};
use super::{server_error, writer};
use reelboard::progress::Silent;
use reelboard::project::{Change, Edit, Project, Proposal, SceneField, SceneId};
use reelboard::writer::{ReviseRequest, Revision, Sampling, ServerError, WriterError, WriterEvent, script_from_text};
use std::sync::Arc;

/// Four scenes, the second of which is locked.
fn film() -> Project {
    let text = "A young man whisks eggs in the kitchen. A gray cat licks the floor of the kitchen. The young man chases \
                the gray cat through the garden. The gray cat sleeps under a tree in the garden.";
    let mut project = Project::new("A young man bakes a cake");
    for edit in script_from_text(text).unwrap().insert_edits(&mut project.clone(), 7) {
        project.apply(edit).unwrap();
    }
    let locked = id(&project, 2);
    project.apply(Edit::SetScene { id: locked, field: SceneField::Locked(true) }).unwrap();
    project
}

fn id(project: &Project, number: usize) -> SceneId {
    project.scenes[number - 1].id
}

fn request(project: &Project, revision: Revision) -> ReviseRequest {
    ReviseRequest { project: Arc::new(project.clone()), revision, seed: 1, sampling: Sampling::default() }
}

fn scene(number: usize, place: &str, action: &str, who: &str) -> String {
    format!("Scene {number}\nwhere: {place}\naction: {action}\nwho: {who}\n")
}

fn stream(text: impl Into<String>) -> Reply {
    Reply::Stream(text.into())
}

/// What becomes of a revision with these replies, and what the server was told.
fn revise(revision: Revision, replies: &[Reply]) -> (Result<Proposal, WriterError>, Vec<String>) {
    let place = Place::new(replies);
    let proposal = writer(&place).revise(&request(&film(), revision), &Silent, &mut |_| {});
    (proposal, place.finish().iter().map(|request| request.body()["messages"].to_string()).collect())
}

#[test]
fn a_scene_is_rewritten_and_named_by_the_films_names() {
    let film = film();
    let answer = format!(
        "<think>Moon?</think>shows: moon, lamp\n{}",
        scene(1, "Kitchen", "The man whisks eggs beside a lamp in the moonlit kitchen.", "man, eggs, lamp, rocket")
    );
    let place = Place::new(&[stream(answer)]);
    let revision = Revision::Rewrite { scene: id(&film, 1), change: "make it night".to_owned() };
    let mut grown = 0;
    let proposal = writer(&place)
        .revise(&request(&film, revision), &Silent, &mut |event| {
            grown += usize::from(matches!(event, WriterEvent::Proposal(_)));
        })
        .unwrap();
    assert!(grown > 3, "it grows before the user's eyes: {grown}");
    let [Change::Scene { id: changed, before, after }] = &proposal.items[0].changes[..] else { panic!("{proposal:?}") };
    assert_eq!((*changed, &before.prompt), (film.scenes[0].id, &film.scenes[0].prompt));
    assert_eq!(after.prompt, "The young man whisks eggs beside a lamp in the moonlit kitchen.");
    assert_eq!(after.foreground, ["young man", "eggs", "lamp"], "no rocket is to be seen");
    assert_eq!((&after.background, after.camera), (&before.background, before.camera));
    let told = place.finish()[0].body()["messages"].to_string();
    assert!(told.contains("make it night") && told.contains("whisks eggs") && told.contains("second author"), "{told}");
}

#[test]
fn the_same_words_are_no_revision_and_are_asked_for_again() {
    let film = film();
    let same = scene(1, "kitchen", &film.scenes[0].prompt, "young man, eggs");
    let other = scene(1, "kitchen", "The young man whisks blue eggs in the dark kitchen.", "young man, eggs");
    let revision = || Revision::Rewrite { scene: id(&film, 1), change: "make it night".to_owned() };
    let (proposal, told) = revise(revision(), &[stream(&same), stream(other)]);
    assert_eq!(proposal.unwrap().items.len(), 1);
    assert!(told[1].contains("scene 1 says the same as before"), "{}", told[1]);

    let (proposal, _) = revise(revision(), &[same.as_str(), "I am sorry.", "", &same].map(stream));
    let error = proposal.unwrap_err();
    assert!(matches!(error, WriterError::ServerRevision { tries: 4, .. }), "{error}");
    assert!(error.to_string().contains("scene 1 says the same as before"), "{error}");
}

#[test]
fn a_whole_film_is_rewritten_around_its_locked_scenes() {
    let answer = [
        scene(
            1,
            "kitchen",
            "The young man whisks eggs with a spoon on his nose in the kitchen.",
            "young man, eggs, spoon",
        ),
        scene(
            3,
            "garden",
            "The young man trips over the gray cat and a hose in the garden.",
            "young man, gray cat, hose",
        ),
        scene(4, "garden", "The gray cat snores in a flower pot under a tree in the garden.", "gray cat, flower pot"),
    ];
    let (proposal, told) = revise(Revision::Film { change: "funnier".to_owned() }, &[stream(answer.concat())]);
    let proposal = proposal.unwrap();
    let titles: Vec<&str> = proposal.items.iter().map(|item| item.title.as_str()).collect();
    assert_eq!(titles, ["Scene 1", "Scene 3", "Scene 4"]);
    assert_eq!(proposal.notes, ["Scene 2 is locked and stays as it is."]);
    assert!(!told[0].contains("licks the floor"), "what stays is not to be rewritten: {}", told[0]);
}

#[test]
fn an_answer_that_ends_early_stays_and_the_rest_is_asked_for() {
    let first = scene(1, "kitchen", "The young man whisks eggs with a spoon on his nose.", "young man, eggs, spoon");
    let third = scene(3, "garden", "The young man trips over the gray cat and a hose.", "young man, gray cat, hose");
    let fourth = scene(4, "garden", "The gray cat snores in a flower pot under a tree.", "gray cat, flower pot");
    let all = [first.as_str(), third.as_str(), fourth.as_str()].concat();
    // One scene an answer, more often than it may be asked in vain; then one who begins anew each time.
    let slow = [&first, "I am sorry.", "", &third, "No.", "?", "", &fourth].map(stream);
    for replies in [&slow[..], &[stream(&first), stream(&all)]] {
        let (proposal, told) = revise(Revision::Film { change: "funnier".to_owned() }, replies);
        let proposal = proposal.unwrap();
        let titles: Vec<&str> = proposal.items.iter().map(|item| item.title.as_str()).collect();
        assert_eq!(titles, ["Scene 1", "Scene 3", "Scene 4"]);
        assert!(told[1].contains("spoon on his nose") && told[1].contains("Go on with scene 3"), "{}", told[1]);
    }
    // What came of a film is better than nothing.
    let same = scene(3, "garden", &film().scenes[2].prompt, "young man, gray cat");
    let replies = [&first, &same, &same, &same, &same].map(stream);
    let (proposal, _) = revise(Revision::Film { change: "funnier".to_owned() }, &replies);
    let proposal = proposal.unwrap();
    assert_eq!(proposal.items.iter().map(|item| item.title.as_str()).collect::<Vec<_>>(), ["Scene 1"]);
    assert!(proposal.notes[1].contains("in vain: scene 3 says the same as before"), "{proposal:?}");
}

#[test]
fn scenes_are_left_out_split_and_continued() {
    let (proposal, told) = revise(Revision::Shorten, &[stream("Scenes 1 and 9."), stream("Leave out: 3")]);
    assert!(matches!(proposal.unwrap().items[0].changes[..], [Change::Remove { .. }]));
    assert!(told[1].contains("it names 0 of 1 scenes"), "{}", told[1]);

    let halves = [
        scene(3, "garden", "The young man runs behind the gray cat through the garden.", "young man, gray cat"),
        scene(4, "garden", "The gray cat jumps over a red fence in the garden.", "gray cat, fence"),
    ];
    let film = film();
    let (proposal, _) = revise(Revision::Split { scene: id(&film, 3) }, &[stream(halves.concat())]);
    let proposal = proposal.unwrap();
    assert!(
        matches!(proposal.items[0].changes[..], [Change::Scene { .. }, Change::Insert { .. }]),
        "{:?}",
        proposal.items
    );

    let more = [
        scene(5, "roof", "The gray cat climbs onto the chimney of the roof.", "gray cat, chimney"),
        scene(6, "roof", "The young man offers a fish to the gray cat on the roof.", "young man, fish, gray cat"),
    ];
    // Only the first arrives before the connection breaks.
    let cut = more.concat().len() - 20;
    let replies = [Reply::DropAfter(more.concat(), cut), stream(more.concat())];
    let (proposal, _) = revise(Revision::Continue { scenes: 2, wish: String::new() }, &replies);
    assert_eq!(proposal.unwrap().items.len(), 2);
}

#[test]
fn the_camera_is_planned_around_what_stays() {
    let film = film();
    let (proposal, _) = revise(Revision::Cameras, &[stream("1: up fast\n2: down fast\n3: down slow\n4: right slow")]);
    let proposal = proposal.unwrap();
    for item in &proposal.items {
        let [Change::Scene { id: changed, before, after }] = &item.changes[..] else { panic!("{item:?}") };
        assert_ne!(*changed, id(&film, 2), "a locked scene keeps its camera");
        assert_eq!(before.prompt, after.prompt);
    }
    assert!(!proposal.items.is_empty());

    let refusal = Reply::Status(404, r#"{"error": {"message": "no such model"}}"#.to_owned());
    let (proposal, _) = revise(Revision::Cameras, &[refusal]);
    let error = server_error(proposal.unwrap_err());
    assert!(matches!(error, ServerError::Status { status: 404, .. }), "{error}");
}
