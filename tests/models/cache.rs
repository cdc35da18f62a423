//! What the model folder says about its files.

use super::server::{Answer, Server};
use super::*;
use reelboard::models::{FileStatus, ModelError, ModelStatus};
use reelboard::progress::Silent;

fn placed(folder: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(folder.join("tiny")).unwrap();
    std::fs::write(folder.join("tiny/weights.bin"), bytes).unwrap();
}

#[test]
fn a_file_put_there_by_hand_is_checked_once_before_it_is_used() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(100_000));
    let (cache, model) = (cache(folder.path(), NOWHERE), model(&bytes, vec![on_the_hub()]));
    placed(folder.path(), &bytes);
    assert_eq!(cache.status(&model), ModelStatus::Unverified);
    let message = cache.path(&model, "weights.bin").unwrap_err().to_string();
    assert!(message.ends_with("check it with: reelboard models verify tiny"), "{message}");
    assert_eq!(cache.sha256(&model, "weights.bin"), None);

    let watch = Watch::default();
    let path = cache.checked_path(&model, "weights.bin", &watch).unwrap();
    assert_eq!(path, folder.path().join("tiny/weights.bin"));
    assert_eq!(watch.steps.lock().unwrap().last(), Some(&(100_000, 100_000)));
    assert_eq!(cache.status(&model), ModelStatus::Ready);
    assert_eq!(cache.sha256(&model, "weights.bin"), Some(sha256(&bytes)));

    let again = Watch::default();
    cache.checked_path(&model, "weights.bin", &again).unwrap();
    assert!(again.steps.lock().unwrap().is_empty());
}

#[test]
fn a_file_put_there_by_hand_is_not_fetched_again() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(1000));
    let (cache, model) = (cache(folder.path(), NOWHERE), model(&bytes, vec![on_the_hub()]));
    placed(folder.path(), &bytes);
    cache.fetch(&model, &Silent).unwrap();
    assert_eq!(cache.status(&model), ModelStatus::Ready);
}

#[test]
fn a_truncated_file_is_noticed_without_reading_it() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(1000));
    let (cache, model) = (cache(folder.path(), NOWHERE), model(&bytes, vec![on_the_hub()]));
    placed(folder.path(), &bytes);
    cache.verify(&model, &Silent).unwrap();
    placed(folder.path(), &bytes[..500]);
    let file = &model.files[0];
    assert_eq!(cache.file_status(&model, file), FileStatus::Damaged { reason: "500 bytes instead of 1000".into() });
    let message = cache.checked_path(&model, "weights.bin", &Silent).unwrap_err().to_string();
    assert!(message.contains("tiny/weights.bin is damaged: 500 bytes instead of 1000"), "{message}");
    assert!(message.ends_with("get it again with: reelboard models fetch tiny"), "{message}");
}

#[test]
fn an_altered_file_is_found_out_and_stays_damaged() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(1000));
    let (cache, model) = (cache(folder.path(), NOWHERE), model(&bytes, vec![on_the_hub()]));
    let mut altered = bytes.clone();
    altered[10] ^= 1;
    placed(folder.path(), &altered);
    let error = cache.checked_path(&model, "weights.bin", &Silent).unwrap_err();
    assert!(error.to_string().contains(&sha256(&altered)), "{error}");
    assert!(matches!(cache.status(&model), ModelStatus::Damaged { .. }));
    assert!(matches!(cache.path(&model, "weights.bin"), Err(ModelError::Damaged { .. })));
    assert_eq!(cache.sha256(&model, "weights.bin"), None);
}

#[test]
fn a_missing_model_says_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, model) = (cache(folder.path(), NOWHERE), model(&content(10), vec![on_the_hub()]));
    let message = cache.path(&model, "weights.bin").unwrap_err().to_string();
    assert!(message.ends_with("get it with: reelboard models fetch tiny"), "{message}");
    assert!(matches!(cache.path(&model, "other.bin"), Err(ModelError::UnknownFile { .. })));
    assert_eq!(files_below(folder.path()), Vec::<String>::new());
}

#[test]
fn a_file_of_the_users_own_is_used_where_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("mine.gguf");
    std::fs::write(&own, content(1000)).unwrap();
    let cache = cache(&folder.path().join("models"), NOWHERE);
    let mut model = model(b"", vec![Source::Local { path: own.clone() }]);
    (model.files[0].size_bytes, model.files[0].sha256) = (None, None);

    cache.fetch(&model, &Silent).unwrap();
    assert_eq!(cache.path(&model, "weights.bin").unwrap(), own);
    assert_eq!(cache.sha256(&model, "weights.bin"), Some(sha256(&content(1000))));
    cache.remove(&model).unwrap();
    assert!(own.exists());

    std::fs::remove_file(&own).unwrap();
    assert_eq!(cache.status(&model), ModelStatus::Missing { fetched_bytes: 0 });
}

#[test]
fn a_wrong_file_of_the_users_own_is_left_alone_and_another_one_fetched() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(1000));
    let own = folder.path().join("mine.gguf");
    std::fs::write(&own, [7; 1000]).unwrap();
    let server = Server::new(&bytes, &[Answer::Whole]);
    let cache = cache(&folder.path().join("models"), &server.endpoint);
    let model = model(&bytes, vec![Source::Local { path: own.clone() }, on_the_hub()]);
    cache.fetch(&model, &Silent).unwrap();
    assert_eq!(std::fs::read(&own).unwrap(), [7; 1000]);
    assert_eq!(std::fs::read(cache.path(&model, "weights.bin").unwrap()).unwrap(), bytes);
}

#[test]
fn removing_a_model_frees_its_space() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(1000));
    let (cache, model) = (cache(folder.path(), NOWHERE), model(&bytes, vec![on_the_hub()]));
    assert_eq!(cache.remove(&model).unwrap(), 0);
    placed(folder.path(), &bytes);
    assert_eq!(cache.remove(&model).unwrap(), 1000);
    assert_eq!(cache.status(&model), ModelStatus::Missing { fetched_bytes: 0 });
    assert!(!folder.path().join("tiny").exists());
}

#[test]
fn a_model_that_is_part_of_the_program_is_always_there() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path(), NOWHERE);
    let model = model(b"", vec![Source::Builtin]);
    assert_eq!(cache.status(&model), ModelStatus::Ready);
    cache.fetch(&model, &Silent).unwrap();
    cache.verify(&model, &Silent).unwrap();
    assert!(matches!(cache.path(&model, "weights.bin"), Err(ModelError::Builtin { .. })));
}
