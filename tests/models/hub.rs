//! Fetching from a hub that does not always behave.

use super::server::{Answer, Server};
use super::*;
use reelboard::models::{Checksum, ModelError, ModelStatus, SourceError};
use reelboard::progress::Silent;

fn only_failure(error: ModelError) -> SourceError {
    match error {
        ModelError::NoSource { mut failures, .. } if failures.len() == 1 => failures.remove(0).error,
        other => panic!("{other}"),
    }
}

#[test]
fn a_fetched_model_is_complete_checked_and_leaves_nothing_beside_it() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(300_000));
    let server = Server::new(&bytes, &[Answer::Redirect, Answer::Whole]);
    let cache = cache(folder.path(), &server.endpoint);
    let model = model(&bytes, vec![on_the_hub()]);
    assert_eq!(cache.status(&model), ModelStatus::Missing { fetched_bytes: 0 });

    let watch = Watch::default();
    cache.fetch(&model, &watch).unwrap();

    assert_eq!(cache.status(&model), ModelStatus::Ready);
    assert_eq!(std::fs::read(cache.path(&model, "weights.bin").unwrap()).unwrap(), bytes);
    assert_eq!(
        files_below(folder.path()),
        ["tiny/.weights.bin.lock", "tiny/.weights.bin.verified", "tiny/weights.bin"]
    );
    let steps = watch.steps.lock().unwrap();
    assert!(steps.iter().all(|&(done, total)| total == 300_000 && done <= total));
    let requests = server.finish();
    assert_eq!(requests[0].path, "/owner/name/resolve/main/weights.bin");
    assert_eq!(requests[1].path, "/elsewhere");

    // The second time nobody is asked.
    cache.fetch(&model, &Silent).unwrap();
}

#[test]
fn a_dropped_connection_is_taken_up_where_it_broke() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(500_000));
    let server = Server::new(
        &bytes,
        &[Answer::DropAfter(100_000), Answer::Status(503), Answer::DropAfter(250_000), Answer::Whole],
    );
    let cache = cache(folder.path(), &server.endpoint);
    let model = model(&bytes, vec![on_the_hub()]);
    cache.fetch(&model, &Silent).unwrap();
    assert_eq!(std::fs::read(cache.path(&model, "weights.bin").unwrap()).unwrap(), bytes);
    let from: Vec<_> = server.finish().iter().map(|request| request.from).collect();
    assert_eq!(from, [0, 100_000, 100_000, 350_000]);
}

#[test]
fn a_cancelled_download_goes_on_from_there() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(4_000_000));
    let server = Server::new(&bytes, &[Answer::Whole, Answer::Whole]);
    let cache = cache(folder.path(), &server.endpoint);
    let model = model(&bytes, vec![on_the_hub()]);

    let error = cache.fetch(&model, &Watch::cancelling_at(1_000_000)).unwrap_err();
    assert!(matches!(error, ModelError::Cancelled(_)), "{error}");
    let ModelStatus::Missing { fetched_bytes } = cache.status(&model) else { panic!("{:?}", cache.status(&model)) };
    assert!((1_000_000..4_000_000).contains(&fetched_bytes), "{fetched_bytes}");
    assert!(!folder.path().join("tiny/weights.bin").exists());

    cache.fetch(&model, &Silent).unwrap();
    assert_eq!(std::fs::read(cache.path(&model, "weights.bin").unwrap()).unwrap(), bytes);
    assert_eq!(server.finish()[1].from as u64, fetched_bytes);
}

#[test]
fn a_download_from_a_silent_server_can_be_cancelled() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(1000));
    let server = Server::new(&bytes, &[Answer::Silence]);
    let model = model(&bytes, vec![on_the_hub()]);
    let error = cache(folder.path(), &server.endpoint).fetch(&model, &Watch::cancelling_after_steps(3)).unwrap_err();
    assert!(matches!(error, ModelError::Cancelled(_)), "{error}");
}

#[test]
fn a_server_that_cannot_resume_starts_over() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(500_000));
    let server = Server::new(&bytes, &[Answer::DropAfter(100_000), Answer::IgnoreRange]);
    let cache = cache(folder.path(), &server.endpoint);
    let model = model(&bytes, vec![on_the_hub()]);
    cache.fetch(&model, &Silent).unwrap();
    assert_eq!(std::fs::read(cache.path(&model, "weights.bin").unwrap()).unwrap(), bytes);
}

#[test]
fn a_wrong_file_is_refused_and_nothing_of_it_kept() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(100_000));
    let mut other = bytes.clone();
    other[50_000] ^= 1;
    let server = Server::new(&other, &[Answer::Whole]);
    let cache = cache(folder.path(), &server.endpoint);
    let model = model(&bytes, vec![on_the_hub()]);
    let message = cache.fetch(&model, &Silent).unwrap_err().to_string();
    assert!(message.contains(&sha256(&bytes)) && message.contains(&sha256(&other)), "{message}");
    assert_eq!(files_below(folder.path()), ["tiny/.weights.bin.lock"]);
    assert_eq!(cache.status(&model), ModelStatus::Missing { fetched_bytes: 0 });
}

#[test]
fn a_download_resumed_on_a_changed_repository_starts_again_by_itself() {
    let (folder, bytes, old) = (tempfile::tempdir().unwrap(), content(2_000_000), vec![7; 2_000_000]);
    let model = model(&bytes, vec![on_the_hub()]);
    let before = Server::new(&old, &[Answer::Whole]);
    cache(folder.path(), &before.endpoint).fetch(&model, &Watch::cancelling_at(500_000)).unwrap_err();
    let after = Server::new(&bytes, &[Answer::Whole, Answer::Whole]);
    let cache = cache(folder.path(), &after.endpoint);
    cache.fetch(&model, &Silent).unwrap();
    assert_eq!(std::fs::read(cache.path(&model, "weights.bin").unwrap()).unwrap(), bytes);
    let requests = after.finish();
    assert!(requests[0].from > 0);
    assert_eq!(requests[1].from, 0);
}

#[test]
fn a_file_of_another_length_is_refused_before_it_is_downloaded() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(1000));
    let server = Server::new(&content(999), &[Answer::Whole]);
    let model = model(&bytes, vec![on_the_hub()]);
    let error = only_failure(cache(folder.path(), &server.endpoint).fetch(&model, &Silent).unwrap_err());
    assert!(matches!(error, SourceError::WrongSize { expected: 1000, got: 999 }), "{error}");
}

#[test]
fn what_the_server_refuses_is_said() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(1000));
    let model = model(&bytes, vec![on_the_hub()]);
    for (status, says) in [(401, "HF_TOKEN"), (403, "accept the terms"), (404, "404"), (503, "503")] {
        let server = Server::new(&bytes, &[Answer::Status(status)]);
        let message = cache(folder.path(), &server.endpoint).fetch(&model, &Silent).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn without_a_network_every_source_is_named_with_its_reason() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(1000));
    let model = model(&bytes, vec![on_the_hub(), Source::Local { path: folder.path().join("mine.bin") }]);
    let message = cache(&folder.path().join("models"), NOWHERE).fetch(&model, &Silent).unwrap_err().to_string();
    assert!(message.starts_with("cannot fetch weights.bin of tiny: the Hugging Face hub (owner/name): "), "{message}");
    assert!(message.contains("mine.bin: there is no such file"), "{message}");
    assert!(!message.contains('\n'), "{message}");
}

#[test]
fn a_model_larger_than_the_disk_is_refused_before_anything_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = model(b"", vec![on_the_hub()]);
    model.files[0].size_bytes = Some(1 << 60);
    let message = cache(folder.path(), NOWHERE).fetch(&model, &Silent).unwrap_err().to_string();
    assert!(message.contains("not enough disk space") && message.contains("missing"), "{message}");
    assert!(message.contains("REELBOARD_MODELS"), "{message}");
}

#[test]
fn a_file_wanted_twice_at_once_is_fetched_once() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(3_000_000));
    let server = Server::new(&bytes, &[Answer::Whole]);
    let cache = cache(folder.path(), &server.endpoint);
    let model = model(&bytes, vec![on_the_hub()]);
    std::thread::scope(|scope| {
        let fetches: Vec<_> = (0..2).map(|_| scope.spawn(|| cache.fetch(&model, &Silent))).collect();
        for fetch in fetches {
            fetch.join().unwrap().unwrap();
        }
    });
    assert_eq!(server.finish().len(), 1);
    assert_eq!(cache.status(&model), ModelStatus::Ready);
}

/// A file of which `models.ron` has no checksum.
fn unpinned(bytes: &[u8]) -> ModelSpec {
    let mut model = model(bytes, vec![on_the_hub()]);
    model.files[0].size_bytes = None;
    model.files[0].sha256 = None;
    model.files[0].about_bytes = Some(bytes.len() as u64 / 2);
    model
}

#[test]
fn without_a_checksum_of_ours_the_hubs_is_taken_and_kept() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(300_000));
    for (announce, name) in [(Answer::AnnounceLarge, "large"), (Answer::AnnounceSmall, "small")] {
        let server = Server::new(&bytes, &[announce, Answer::Whole]);
        let cache = cache(&folder.path().join(name), &server.endpoint);
        let model = unpinned(&bytes);
        assert_eq!(cache.checksum(&model, &model.files[0]), Checksum::None);
        let watch = Watch::default();
        cache.fetch(&model, &watch).unwrap();
        server.finish();

        assert_eq!(cache.status(&model), ModelStatus::Ready);
        assert_eq!(cache.checksum(&model, &model.files[0]), Checksum::Announced);
        // A recipe records it like any other.
        assert_eq!(cache.sha256(&model, "weights.bin"), Some(sha256(&bytes)));
        // The total is a guess, but nothing is ever done beyond it.
        assert!(watch.steps.lock().unwrap().iter().all(|&(done, total)| done <= total));

        // Later changes are noticed, whoever made them.
        let path = cache.path(&model, "weights.bin").unwrap();
        let mut other = bytes.clone();
        other[7] ^= 1;
        std::fs::write(&path, &other).unwrap();
        assert_eq!(cache.status(&model), ModelStatus::Unverified);
        let message = cache.verify(&model, &Silent).unwrap_err().to_string();
        assert!(message.contains(&sha256(&bytes)) && message.contains("damaged"), "{message}");
        assert!(matches!(cache.status(&model), ModelStatus::Damaged { .. }));
        std::fs::write(&path, &bytes).unwrap();
        cache.verify(&model, &Silent).unwrap();
        assert_eq!(cache.status(&model), ModelStatus::Ready);
    }
}

#[test]
fn what_is_not_as_the_hub_announced_is_refused() {
    let bytes = content(100_000);
    for announce in [Answer::AnnounceLarge, Answer::AnnounceSmall] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::with_two(&bytes, &content(100_001)[1..], &[announce, Answer::Whole]);
        let cache = cache(folder.path(), &server.endpoint);
        let message = cache.fetch(&unpinned(&bytes), &Silent).unwrap_err().to_string();
        assert!(message.contains("wrong checksum") && message.contains("nothing was kept"), "{message}");
        assert_eq!(files_below(folder.path()), ["tiny/.weights.bin.lock"]);
    }
}

#[test]
fn a_file_of_which_nobody_has_a_checksum_is_not_fetched() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(1000));
    let server = Server::new(&bytes, &[Answer::Redirect, Answer::AnnounceNothing]);
    let cache = cache(folder.path(), &server.endpoint);
    let error = only_failure(cache.fetch(&unpinned(&bytes), &Silent).unwrap_err());
    assert!(matches!(error, SourceError::NotAnnounced), "{error}");
    // A renamed repository is followed.
    assert_eq!(server.finish()[1].path, "/elsewhere");
    let server = Server::new(&bytes, &[Answer::Status(401)]);
    let error =
        only_failure(super::cache(folder.path(), &server.endpoint).fetch(&unpinned(&bytes), &Silent).unwrap_err());
    assert!(matches!(error, SourceError::Denied { status: 401 }), "{error}");
}

#[test]
fn a_silent_hub_can_be_cancelled_before_it_announces() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(1000));
    let server = Server::new(&bytes, &[Answer::Silence]);
    let watch = Watch::cancelling_after_steps(3);
    let error = cache(folder.path(), &server.endpoint).fetch(&unpinned(&bytes), &watch).unwrap_err();
    assert!(matches!(error, ModelError::Cancelled(_)), "{error}");
}
