//! A run's folder, `farm/NUMBER` in the project's:
//!
//! ```text
//! project.ron           the film as it was submitted
//! plan.ron              the stages and their tasks; written last: a folder without it is no run
//! jobs.ron              the scheduler's numbers of the stages' jobs
//! STAGE.sh              what the scheduler runs
//! logs/STAGE-N.log      what task N of a stage said, all attempts
//! results/STAGE-N.ron   its record, once it has ended
//! collected.ron         the results that are part of the project; written by its owner alone
//! unfinished/           files that are being written, and half-made pictures
//! ```

use super::{FarmError, Plan, SubmittedJob, Task};
use crate::engine::StateFile;
use crate::project::{MediaFolder, MediaName, Project, Recipe, Reference, read_project, write_snapshot, write_whole};
use serde::Serialize;
use serde::{Deserialize, de::DeserializeOwned};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const FARM: &str = "farm";
const PLAN: &str = "plan.ron";
const JOBS: &str = "jobs.ron";
const COLLECTED: &str = "collected.ron";
const RESULTS: &str = "results";
const LOGS: &str = "logs";
const UNFINISHED: &str = "unfinished";

/// What became of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// An entity has a picture.
    Reference {
        /// The picture.
        reference: Reference,
        /// What to tell the user.
        notes: Vec<String>,
    },
    /// A scene has a take.
    Take {
        /// Its file.
        media: MediaName,
        /// How it was made.
        recipe: Box<Recipe>,
        /// What to tell the user.
        notes: Vec<String>,
    },
    /// It cannot be made, for the reason given in one line.
    Failed(String),
}

impl Outcome {
    /// The picture or clip, if there is one.
    pub fn media(&self) -> Option<&MediaName> {
        match self {
            Self::Reference { reference, .. } => Some(&reference.picture),
            Self::Take { media, .. } => Some(media),
            Self::Failed(_) => None,
        }
    }

    /// What to tell the user of a result that is there.
    pub fn notes(&self) -> &[String] {
        match self {
            Self::Reference { notes, .. } | Self::Take { notes, .. } => notes,
            Self::Failed(_) => &[],
        }
    }
}

/// What a task leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What it was to do.
    pub task: Task,
    /// What became of it.
    pub outcome: Outcome,
}

/// What was sent to a cluster at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    folder: PathBuf,
    number: u32,
}

impl Run {
    /// The runs of the project in this folder, oldest first.
    pub fn all(project: &Path) -> Result<Vec<Self>, FarmError> {
        let farm = project.join(FARM);
        let mut runs: Vec<Self> = numbers(&farm)?.map(|number| Self::at(&farm, number)).collect();
        runs.retain(|run| run.folder.join(PLAN).is_file());
        runs.sort_by_key(|run| run.number);
        Ok(runs)
    }

    /// The run of this number, or the newest.
    pub fn find(project: &Path, number: Option<u32>) -> Result<Self, FarmError> {
        let mut runs = Self::all(project)?;
        let known = runs.iter().map(|run| run.number.to_string()).collect::<Vec<_>>().join(", ");
        let newest = runs.pop().ok_or_else(|| FarmError::NoRun { project: project.to_owned() })?;
        let Some(number) = number.filter(|number| *number != newest.number) else { return Ok(newest) };
        let found = runs.into_iter().find(|run| run.number == number);
        found.ok_or_else(|| FarmError::UnknownRun { project: project.to_owned(), number, known })
    }

    /// The run in this folder, as a task is given it.
    pub fn in_folder(folder: &Path) -> Result<Self, FarmError> {
        let folder = &std::path::absolute(folder).map_err(FarmError::io(folder))?;
        let in_farm = folder.parent().is_some_and(|farm| farm.ends_with(FARM));
        let number = Some(folder).filter(|_| in_farm);
        let number = number.and_then(|folder| folder.file_name()?.to_str()?.parse().ok());
        let problem = || "this is not the folder of a run, such as film.reel/farm/1".to_owned();
        let number = number.ok_or_else(|| FarmError::Malformed { file: folder.to_owned(), problem: problem() })?;
        Ok(Self { folder: folder.to_owned(), number })
    }

    fn at(farm: &Path, number: u32) -> Self {
        Self { folder: farm.join(number.to_string()), number }
    }

    /// The run that [`Self::create`] would make next.
    pub fn next(project: &Path) -> Result<Self, FarmError> {
        let farm = project.join(FARM);
        let number = numbers(&farm)?.max().unwrap_or(0) + 1;
        Ok(Self::at(&farm, number))
    }

    /// Writes a new run. `scripts` makes what the scheduler runs: file names and texts.
    pub fn create(
        project: &Path,
        snapshot: &Project,
        plan: &Plan,
        scripts: impl FnOnce(&Self) -> Result<Vec<(String, String)>, FarmError>,
    ) -> Result<Self, FarmError> {
        let farm = project.join(FARM);
        fs::create_dir_all(&farm).map_err(FarmError::io(&farm))?;
        let run = loop {
            let run = Self::next(project)?;
            match fs::create_dir(&run.folder) {
                Ok(()) => break run,
                // Somebody else took the number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(FarmError::io(&run.folder)(error)),
            }
        };
        for folder in [RESULTS, LOGS, UNFINISHED].map(|name| run.folder.join(name)) {
            fs::create_dir(&folder).map_err(FarmError::io(&folder))?;
        }
        write_snapshot(&run.folder, snapshot)?;
        for (name, text) in scripts(&run)? {
            run.write_bytes(&name, text.as_bytes())?;
        }
        run.write(PLAN, plan)?;
        Ok(run)
    }

    /// Removes it from the disk.
    pub(super) fn discard(self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            log::warn!("cannot remove {}: {error}", self.folder.display());
        }
    }

    /// Its number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The project's folder.
    pub fn project_folder(&self) -> &Path {
        self.folder.ancestors().nth(2).expect("a run lies two folders below its project")
    }

    /// The project's media, as tasks add to them.
    pub fn media(&self) -> MediaFolder {
        MediaFolder::beside_the_owner(self.project_folder(), self.folder.join(UNFINISHED))
    }

    /// Where a task keeps its steps so far, for the case that it is run again.
    pub fn state_file(&self, task: &Task) -> StateFile {
        StateFile::at(self.folder.join(UNFINISHED).join(format!("{}.state", result_name(task))))
    }

    /// Removes what a task has kept of its steps.
    pub fn forget_state(&self, task: &Task) {
        let file = self.state_file(task);
        if let Err(error) = fs::remove_file(file.path())
            && error.kind() != io::ErrorKind::NotFound
        {
            log::warn!("{}: {error}", file.path().display());
        }
    }

    /// What it does.
    pub fn plan(&self) -> Result<Plan, FarmError> {
        self.read(PLAN)
    }

    /// The film as it was submitted.
    pub fn snapshot(&self) -> Result<Project, FarmError> {
        Ok(read_project(&self.folder)?)
    }

    /// The scheduler's jobs, as far as they were submitted.
    pub fn jobs(&self) -> Result<Vec<SubmittedJob>, FarmError> {
        self.read_or_default(JOBS)
    }

    pub(super) fn write_jobs(&self, jobs: &[SubmittedJob]) -> Result<(), FarmError> {
        self.write(JOBS, &jobs)
    }

    /// What tasks have left, in the order of the plan. Takes no part of a record that is being written.
    pub fn records(&self, plan: &Plan) -> Result<Vec<(String, Record)>, FarmError> {
        // Opening the folder asks a network file system what is in it now; opening a file by its name may be answered
        // from memory, with what another machine has changed since.
        let results = self.folder.join(RESULTS);
        let mut there = BTreeSet::new();
        for entry in fs::read_dir(&results).map_err(FarmError::io(&results))? {
            there.insert(entry.map_err(FarmError::io(&results))?.file_name().to_string_lossy().into_owned());
        }
        let mut records = Vec::new();
        for (_, task) in plan.tasks() {
            let name = result_name(task);
            if there.contains(&format!("{name}.ron")) {
                let record: Record = self.read(&format!("{RESULTS}/{name}.ron"))?;
                records.push((name, record));
            }
        }
        Ok(records)
    }

    /// Leaves a record. A failure never takes the place of a result.
    pub fn write_record(&self, plan: &Plan, record: &Record) -> Result<(), FarmError> {
        let name = result_name(&record.task);
        if matches!(record.outcome, Outcome::Failed(_)) {
            let mut records = self.records(plan)?.into_iter();
            if records.any(|(known, record)| known == name && !matches!(record.outcome, Outcome::Failed(_))) {
                return Ok(());
            }
        }
        self.write(&format!("{RESULTS}/{name}.ron"), record)
    }

    /// The names of the results that are part of the project, or never will be.
    pub fn collected(&self) -> Result<BTreeSet<String>, FarmError> {
        self.read_or_default(COLLECTED)
    }

    /// Remembers results as collected. Only the owner of the project may do this, once its edits are safe.
    pub fn mark_collected(&self, names: impl IntoIterator<Item = String>) -> Result<(), FarmError> {
        let mut collected = self.collected()?;
        let before = collected.len();
        collected.extend(names);
        if collected.len() == before { Ok(()) } else { self.write(COLLECTED, &collected) }
    }

    /// The last line that a task has said, and nothing when it said nothing yet.
    pub fn last_log_line(&self, task: &Task) -> Option<String> {
        let path = self.folder.join(LOGS).join(format!("{}.log", result_name(task)));
        let bytes = fs::read(path).ok()?;
        let tail = &bytes[bytes.len().saturating_sub(4096)..];
        let text = String::from_utf8_lossy(tail);
        text.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<T, FarmError> {
        let file = self.folder.join(name);
        let text = fs::read_to_string(&file).map_err(FarmError::io(&file))?;
        ron::from_str(&text).map_err(|error| FarmError::Malformed { file, problem: error.to_string() })
    }

    fn read_or_default<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T, FarmError> {
        match self.read(name) {
            Err(FarmError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(T::default()),
            other => other,
        }
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<(), FarmError> {
        let pretty = ron::ser::PrettyConfig::new().new_line("\n");
        let text = ron::ser::to_string_pretty(value, pretty).expect("runs have no type that RON cannot write");
        self.write_bytes(name, (text + "\n").as_bytes())
    }

    fn write_bytes(&self, name: &str, bytes: &[u8]) -> Result<(), FarmError> {
        let file = self.folder.join(name);
        write_whole(&file, bytes).map_err(FarmError::io(&file))
    }
}

/// The name that a task's log and result have.
pub(super) fn result_name(task: &Task) -> String {
    format!("{}-{}", task.item.stage().name(), task.number)
}

/// The numbers that are taken, also by folders that never became runs.
fn numbers(farm: &Path) -> Result<impl Iterator<Item = u32>, FarmError> {
    let mut found = Vec::new();
    match fs::read_dir(farm) {
        Ok(entries) => {
            for entry in entries {
                let name = entry.map_err(FarmError::io(farm))?.file_name();
                found.extend(name.to_str().and_then(|name| name.parse::<u32>().ok()));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(FarmError::io(farm)(error)),
    }
    Ok(found.into_iter())
}
