//! Writing with a server that speaks OpenAI's protocol: what it says, and all the ways in which it fails.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

#[path = "servers/place.rs"]
mod place;
#[path = "servers/revise.rs"]
mod revise;

use place::{Place, Reply};
use reelboard::models::{OwnWriter, OwnWriterError, ServerSpec};
use reelboard::progress::{Cancelled, Progress, Silent};
use reelboard::project::{Direction, EntityKind};
use reelboard::writer::{
    DescribeRequest, DescribeRound, Patience, ServerError, ServerWriter, WriteRequest, WriterError, WriterEvent,
};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

const CAMERA: &str = "1: left slow\n2: up fast\n3: static\n4: down slow";

fn scenes(range: std::ops::Range<usize>) -> Vec<Value> {
    let all = [
        ("harbour", "The old keeper ties a red boat to a post in the harbour.", "old keeper, red boat"),
        ("lighthouse", "The keeper climbs a steep stair with a lamp in the lighthouse.", "keeper, lamp"),
        ("cliff", "A white gull lands on a rock above the foaming waves at the cliff.", "white gull, rock"),
        ("harbour", "The white gull steals a silver fish from a basket in the harbour.", "gull, silver fish"),
        ("lighthouse", "The old keeper laughs beside a bright window of the lighthouse.", "old keeper, window"),
    ];
    all[range].iter().map(|(place, action, who)| json!({"where": place, "action": action, "who": who})).collect()
}

fn script(scenes: Vec<Value>) -> String {
    let story = ["A keeper rows home.", "A gull is hungry.", "They share a fish."];
    json!({"story": story, "cast": ["old keeper"], "places": ["harbour"], "scenes": scenes}).to_string()
}

fn request(scenes: u32) -> WriteRequest {
    WriteRequest {
        premise: "An old keeper shares his fish with a gull".to_owned(),
        scenes: Some(scenes),
        ..Default::default()
    }
}

fn writer(place: &Place) -> ServerWriter {
    let mut writer = ServerWriter::new(ServerSpec::parse(&format!("{}#tiny", place.address), false).unwrap());
    writer.set_patience(Patience { first: Duration::from_secs(20), between: Duration::from_secs(20) });
    writer
}

fn server_error(error: WriterError) -> ServerError {
    match error {
        WriterError::Server(error) => error,
        other => panic!("{other}"),
    }
}

/// What comes of one writing.
fn fails(replies: &[Reply]) -> WriterError {
    let place = Place::new(replies);
    writer(&place).write(&request(4), &Silent, &mut |_| {}).unwrap_err()
}

#[test]
fn scenes_arrive_field_by_field_and_the_script_is_whole() {
    let place = Place::new(&[Reply::Stream(script(scenes(0..4))), Reply::Stream(CAMERA.to_owned())]);
    let (mut complete, mut growing, mut story) = (Vec::new(), 0, String::new());
    let written = writer(&place)
        .write(&request(4), &Silent, &mut |event| match event {
            WriterEvent::Scene { index, scene, complete: true } => complete.push((index, scene.clone())),
            WriterEvent::Scene { .. } => growing += 1,
            WriterEvent::Story(text) => text.clone_into(&mut story),
            _ => {}
        })
        .unwrap();
    assert_eq!(written.script.scenes.len(), 4);
    assert_eq!(complete.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 1, 2, 3], "each is told once");
    assert!(growing > 8, "they grow: {growing}");
    assert_eq!(story, "A keeper rows home. A gull is hungry. They share a fish.");
    let names: Vec<&Vec<String>> = written.script.scenes.iter().map(|scene| &scene.foreground).collect();
    assert!(names[0].contains(&"old keeper".to_owned()) && names[1].contains(&"old keeper".to_owned()), "{names:?}");
    let gull = "gull".to_owned();
    assert!(names[2].contains(&gull) && names[3].contains(&gull), "one name for one bird: {names:?}");
    let directions: Vec<Direction> = written.script.scenes.iter().map(|scene| scene.camera.direction).collect();
    assert_eq!(directions, [Direction::Left, Direction::Up, Direction::Static, Direction::Down]);
    assert!(written.notes.is_empty(), "{:?}", written.notes);

    let [first, second] = place.finish().try_into().unwrap();
    let body = first.body();
    assert_eq!((first.path.as_str(), body["model"].as_str()), ("/v1/chat/completions", Some("tiny")));
    assert_eq!(body["stream"], true);
    let schema = &body["response_format"]["json_schema"]["schema"];
    assert_eq!(schema["properties"]["scenes"]["minItems"], 4);
    assert_eq!(body["chat_template_kwargs"]["enable_thinking"], false);
    assert!(second.body()["messages"].to_string().contains("foaming waves"), "the camera is planned for these scenes");
}

#[test]
fn thoughts_are_never_script() {
    let thought = "<think>Scene 1\nwhere: hell\naction: The thought burns a house in the town.\nwho: thought</think>";
    let replies = [
        Reply::Stream(format!("{thought}\n{}", script(scenes(0..4)))),
        Reply::Stream(format!("<think>1: right fast</think>{CAMERA}")),
    ];
    let place = Place::new(&replies);
    let mut told = Vec::new();
    let written = writer(&place)
        .write(&request(4), &Silent, &mut |event| {
            if let WriterEvent::Scene { scene, .. } = event {
                told.push(scene.prompt.clone());
            }
        })
        .unwrap();
    assert!(told.iter().all(|prompt| !prompt.contains("thought")), "{told:?}");
    assert_eq!(written.script.scenes[0].camera.direction, Direction::Left);
}

#[test]
fn a_server_that_knows_no_schema_is_asked_for_lines() {
    let lines: String = scenes(0..4)
        .iter()
        .enumerate()
        .map(|(i, scene)| {
            let text = |key: &str| scene[key].as_str().unwrap().to_owned();
            format!("**Scene {}**\nWhere: {}\nAction: {}\nWho: {}\n", i + 1, text("where"), text("action"), text("who"))
        })
        .collect();
    let replies = [
        Reply::Status(400, json!({"error": {"message": "response_format is not supported"}}).to_string()),
        Reply::Whole(json!({"choices": [{"message": {"content": lines}, "finish_reason": "stop"}]}).to_string()),
        Reply::Stream(CAMERA.to_owned()),
    ];
    let place = Place::new(&replies);
    let written = writer(&place).write(&request(4), &Silent, &mut |_| {}).unwrap();
    assert_eq!(written.script.scenes.len(), 4);
    let requests = place.finish();
    assert!(requests[1].body()["response_format"].is_null());
}

#[test]
fn what_is_missing_is_asked_for_again_and_what_came_stays() {
    let replies = [
        Reply::DropAfter(script(scenes(0..3)), 330),
        Reply::Stream(script(scenes(0..3))),
        Reply::Stream(script(scenes(3..5))),
        Reply::Stream(CAMERA.to_owned()),
    ];
    let place = Place::new(&replies);
    let mut complete = Vec::new();
    let written = writer(&place)
        .write(&request(5), &Silent, &mut |event| {
            if let WriterEvent::Scene { index, scene, complete: true } = event {
                complete.push((index, scene.prompt.clone()));
            }
        })
        .unwrap();
    assert_eq!(complete.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    let prompts: Vec<&String> = written.script.scenes.iter().map(|scene| &scene.prompt).collect();
    assert!(prompts.iter().zip(&complete).all(|(prompt, (_, told))| *prompt == told), "{prompts:?}");
    let again = place.finish()[2].body()["messages"].to_string();
    assert!(again.contains("Go on with scene 4 of 5"), "{again}");
}

#[test]
fn a_script_that_never_gets_whole_is_an_error_that_says_what_it_lacks() {
    for answer in
        ["I am sorry, but I cannot help with that. Ask me something else.", "", "{\"scenes\": []}", "\u{1}\u{2}[[["]
    {
        let error = fails(&[0; 4].map(|_| Reply::Stream(answer.to_owned())));
        assert!(matches!(&error, WriterError::ServerScript { had: 0, wanted: 4, tries: 4, .. }), "{error}");
    }
    // The same scene over and over is one scene.
    let mut same = scenes(0..1);
    same.extend(scenes(0..1));
    let error = fails(&[0; 5].map(|_| Reply::Stream(script(same.clone()))));
    assert!(error.to_string().contains("1 of 4 scenes in 5 answers"), "{error}");
    assert!(error.to_string().contains("says the same"), "{error}");
    // A model that stops early.
    let error = fails(&[0; 5].map(|_| Reply::Full(script(scenes(0..2)), 200)));
    assert!(error.to_string().contains("ran out of room"), "{error}");
}

#[test]
fn every_failure_of_a_server_is_named() {
    let error = server_error(fails(&[Reply::Status(503, "the model is being loaded".to_owned())]));
    assert!(error.to_string().contains("503: the model is being loaded"), "{error}");
    assert!(matches!(server_error(fails(&[Reply::Status(401, String::new())])), ServerError::Key { status: 401, .. }));
    let elsewhere = server_error(fails(&[Reply::Redirect]));
    assert!(matches!(elsewhere, ServerError::Status { status: 302, .. }), "{elsewhere}");
    let garbage = server_error(fails(&[Reply::Raw("SSH-2.0-OpenSSH_9.6\r\n".to_owned())]));
    assert!(matches!(garbage, ServerError::Garbage { .. }), "{garbage}");
    for answer in ["<html>It works!</html>", "{}", "{\"choices\": []}", "null"] {
        let garbage = server_error(fails(&[Reply::Whole(answer.to_owned())]));
        assert!(matches!(garbage, ServerError::Garbage { .. }), "{answer}: {garbage}");
    }
    let refused = json!({"error": {"message": "no such model: tiny"}}).to_string();
    let refused = server_error(fails(&[Reply::Whole(refused)]));
    assert!(refused.to_string().contains("no such model: tiny"), "{refused}");
    let events = server_error(fails(&[Reply::Raw(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: what?\n\n".to_owned(),
    )]));
    assert!(matches!(events, ServerError::Garbage { .. }), "{events}");
    let endless = fails(&[0; 4].map(|_| Reply::Endless));
    assert!(endless.to_string().contains("did not come to an end"), "{endless}");
    // It hangs up before it has said anything, every time.
    let dropped = server_error(fails(&[0; 4].map(|_| Reply::Raw(String::new()))));
    assert!(matches!(dropped, ServerError::Dropped { .. } | ServerError::Unreachable { .. }), "{dropped}");

    let gone = Place::new(&[]);
    let mut nobody = writer(&gone);
    drop(gone.finish());
    let error = server_error(nobody.write(&request(4), &Silent, &mut |_| {}).unwrap_err());
    assert!(
        matches!(&error, ServerError::Unreachable { .. }) && error.to_string().contains("start the server"),
        "{error}"
    );
}

#[test]
fn a_server_that_hangs_is_given_up() {
    for reply in [Reply::Silence, Reply::HangAfter(script(scenes(0..4)), 200)] {
        let place = Place::new(&[reply]);
        let mut writer = writer(&place);
        writer.set_patience(Patience { first: Duration::from_millis(300), between: Duration::from_millis(300) });
        let began = Instant::now();
        let error = server_error(writer.write(&request(4), &Silent, &mut |_| {}).unwrap_err());
        assert!(matches!(error, ServerError::Silent { .. }), "{error}");
        assert!(began.elapsed() < Duration::from_secs(10));
        // The connection is closed, or the server's thread would not end.
        place.finish();
    }
}

struct StopWhen<'a>(&'a AtomicBool);

impl Progress for StopWhen<'_> {
    fn step(&self, _done: u64, _total: u64) -> Result<(), Cancelled> {
        if self.0.load(SeqCst) { Err(Cancelled) } else { Ok(()) }
    }
}

#[test]
fn a_stop_closes_the_connection_and_keeps_whole_scenes() {
    // Says two scenes, then nothing, and waits for the other side to hang up.
    let text = script(scenes(0..4));
    let two = text.find("foaming").unwrap();
    let place = Place::new(&[Reply::HangAfter(text, two)]);
    let stop = AtomicBool::new(false);
    let mut kept = Vec::new();
    let result = writer(&place).write(&request(4), &StopWhen(&stop), &mut |event| {
        if let WriterEvent::Scene { index, complete: true, .. } = event {
            kept.push(index);
            stop.store(index == 1, SeqCst);
        }
    });
    assert!(matches!(result, Err(WriterError::Cancelled(_))), "{result:?}");
    assert_eq!(kept, [0, 1]);
    place.finish();
}

#[test]
fn a_context_that_is_full_gets_fewer_examples_and_the_user_hears_of_it() {
    let full = json!({"error": {"message": "the request exceeds the available context size"}}).to_string();
    let replies = [
        Reply::Status(400, full.clone()),
        Reply::Status(400, full),
        Reply::Stream(script(scenes(0..4))),
        Reply::Stream(CAMERA.to_owned()),
    ];
    let place = Place::new(&replies);
    let written = writer(&place).write(&request(4), &Silent, &mut |_| {}).unwrap();
    assert!(written.notes.iter().any(|note| note.contains("shown 0 of 5 examples")), "{:?}", written.notes);
    let lengths: Vec<usize> = place.finish().iter().map(|request| request.text.len()).collect();
    assert!(lengths[0] > lengths[1] && lengths[1] > lengths[2], "{lengths:?}");
}

#[test]
fn a_premise_of_any_length_is_sent_as_far_as_it_is_read() {
    let place = Place::new(&[Reply::Stream(script(scenes(0..4))), Reply::Stream(CAMERA.to_owned())]);
    let premise = "An old keeper shares his fish with a gull. ".repeat(2400);
    assert!(premise.len() > 100_000);
    let written = writer(&place).write(&WriteRequest { premise, ..request(4) }, &Silent, &mut |_| {}).unwrap();
    assert!(written.notes[0].contains("premise is long"), "{:?}", written.notes);
    assert!(place.finish()[0].text.len() < 40_000);
    let error = ServerWriter::new(ServerSpec::parse("http://127.0.0.1:1", false).unwrap())
        .write(&WriteRequest::default(), &Silent, &mut |_| {})
        .unwrap_err();
    assert!(matches!(error, WriterError::EmptyPremise), "{error}");
}

#[test]
fn a_camera_plan_that_does_not_fit_is_replaced_and_the_user_hears_of_it() {
    let camera = "1: left slow\n2: left slow\nno idea";
    let place = Place::new(&[Reply::Stream(script(scenes(0..4))), Reply::Stream(camera.to_owned())]);
    let written = writer(&place).write(&request(4), &Silent, &mut |_| {}).unwrap();
    let scenes = &written.script.scenes;
    assert!(scenes.windows(2).all(|pair| pair[0].camera.direction != pair[1].camera.direction));
    assert!(written.notes.iter().any(|note| note.contains("camera of 3 of 4 scenes")), "{:?}", written.notes);
}

#[test]
fn a_description_comes_in_three_rounds_and_keeps_what_the_premise_says() {
    let replies =
        ["hair, eyes, coat.", "soft light, a long lens.", "<think>hm</think>He is tall and wears a *grey* coat."];
    let place = Place::new(&replies.map(|text| Reply::Stream(text.to_owned())));
    let asked = DescribeRequest {
        premise: "A young man with blue hair is making cake".to_owned(),
        name: "young man".to_owned(),
        kind: EntityKind::Foreground,
        scene: "The young man stirs dough in the kitchen.".to_owned(),
        seed: 1,
        sampling: Default::default(),
    };
    let mut rounds = Vec::new();
    let said = writer(&place)
        .describe(&asked, &Silent, &mut |event| {
            if let WriterEvent::Description { round, complete: true, .. } = event {
                rounds.push(round);
            }
        })
        .unwrap();
    assert_eq!(rounds, [DescribeRound::Aspects, DescribeRound::Photographer, DescribeRound::Paragraph]);
    assert_eq!(said, "The young man with blue hair. He is tall and wears a grey coat.");
}

#[test]
fn without_a_name_the_first_listed_model_writes() {
    let models = json!({"object": "list", "data": [{"id": "first"}, {"id": "second"}]}).to_string();
    let replies = [Reply::Whole(models), Reply::Stream(script(scenes(0..4))), Reply::Stream(CAMERA.to_owned())];
    let place = Place::new(&replies);
    let mut writer = ServerWriter::new(ServerSpec::parse(&place.address, false).unwrap());
    writer.write(&request(4), &Silent, &mut |_| {}).unwrap();
    let requests = place.finish();
    assert_eq!(requests[0].path, "/v1/models");
    assert_eq!(requests[1].body()["model"], "first");

    let place = Place::new(&[Reply::Whole(json!({"data": []}).to_string())]);
    let mut writer = ServerWriter::new(ServerSpec::parse(&place.address, false).unwrap());
    let error = server_error(writer.write(&request(4), &Silent, &mut |_| {}).unwrap_err());
    assert!(matches!(error, ServerError::NoModel { .. }), "{error}");
}

#[test]
fn only_this_machine_is_asked_unless_another_is_allowed() {
    for address in
        ["http://192.168.1.5:8080/v1", "https://example.invalid", "http://[2001:db8::1]/v1", "http://localhost.invalid"]
    {
        let error = ServerSpec::parse(address, false).unwrap_err();
        assert!(matches!(&error, OwnWriterError::OtherHost { .. }), "{error}");
        assert!(error.to_string().contains("--any-host"), "{error}");
        assert!(!ServerSpec::parse(address, true).unwrap().is_on_this_machine());
    }
    for address in ["http://127.0.0.1:8080", "http://localhost:1/v1/", "https://[::1]:9/v1", "http://127.9.9.9"] {
        let server = ServerSpec::parse(address, false).unwrap();
        assert!(server.is_on_this_machine() && server.address.ends_with("/v1"), "{server:?}");
    }
    for address in
        ["ftp://127.0.0.1", "http://", "http://user:key@127.0.0.1/v1", "http://127.0.0.1/v1?x=1", "http://a b/"]
    {
        let error = ServerSpec::parse(address, true).unwrap_err();
        assert!(matches!(error, OwnWriterError::Address { .. }), "{address}: {error}");
    }
    let named = ServerSpec::parse("http://127.0.0.1:8080#qwen3:4b", false).unwrap();
    assert_eq!((named.address.as_str(), named.model.as_deref()), ("http://127.0.0.1:8080/v1", Some("qwen3:4b")));
}

#[test]
fn a_published_folder_is_a_writer_and_an_incomplete_one_says_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chatglm3-6b.v1");
    let put = |name: &str, bytes: usize| std::fs::write(path.join(name), vec![0; bytes]).unwrap();
    std::fs::create_dir(&path).unwrap();
    let named = || OwnWriter::named(path.to_str().unwrap(), false);
    for (name, lacks) in
        [("README.md", "config.json"), ("config.json", "tokenizer.model"), ("tokenizer.model", "weights")]
    {
        put(name, 16);
        let error = named().unwrap_err();
        assert!(matches!(error, OwnWriterError::NoModel { .. }), "{error}");
        assert!(error.to_string().contains(&format!("chatglm3-6b.v1 has no {lacks}")), "{error}");
    }
    put("pytorch_model-00001-of-00001.bin", 32_000);
    put("pytorch_model.bin.index.json", 16);
    let files = |own: &OwnWriter| own.model().files.into_iter().map(|file| file.name).collect::<Vec<_>>();
    let own = named().unwrap().unwrap();
    let pickles =
        ["config.json", "pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json", "tokenizer.model"];
    assert_eq!(files(&own), pickles);
    // Where there are both, only one kind counts.
    put("model.safetensors", 32_000);
    let model = own.model();
    assert_eq!(files(&own), ["config.json", "model.safetensors", "tokenizer.model"]);
    assert_eq!((model.title.as_str(), model.is_folder()), ("chatglm3-6b.v1", true));
    assert!((500_000_000..500_032_000).contains(&model.memory_bytes), "{}", model.memory_bytes);
    assert_eq!(model.id, own.id());
}

#[test]
fn writers_of_ones_own_are_remembered_beside_the_models() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("My Model.gguf");
    std::fs::write(&file, "x").unwrap();
    assert!(OwnWriter::named("qwen2.5-coder-0.5b-instruct", false).unwrap().is_none(), "that is an id");
    let missing = OwnWriter::named("/nowhere/model.gguf", false).unwrap_err();
    assert!(missing.to_string().contains("models list"), "{missing}");
    let own = OwnWriter::named(file.to_str().unwrap(), false).unwrap().unwrap();
    let server = OwnWriter::named("http://127.0.0.1:8080", false).unwrap().unwrap();
    let models = folder.path().join("models");
    assert!(OwnWriter::remembered(&models).unwrap().is_empty());
    OwnWriter::remember(&models, &[own.clone(), server.clone()]).unwrap();
    assert_eq!(OwnWriter::remembered(&models).unwrap(), [own.clone(), server]);
    assert_eq!(own.model().title, "My Model");
    std::fs::write(models.join("writers.ron"), "[").unwrap();
    let error = OwnWriter::remembered(&models).unwrap_err();
    assert!(error.to_string().contains("writers.ron"), "{error}");
}
