//! A folder with projects, models, and programs that stand in for Slurm's.

pub use crate::program::{Place, chosen};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

/// Runs the tasks of a job, one after the other, before it answers.
const SBATCH: &str = r#"
printf '%s\n' "$@" >>"$SLURM_FAKE/sbatch"
array=none output=/dev/null
for argument in "$@"; do
    case $argument in
    --array=*) array=${argument#--array=} ;;
    --chdir=*) cd "${argument#--chdir=}" || exit 1 ;;
    --output=*) output=${argument#--output=} ;;
    esac
    script=$argument
done
if [ "$(cat "$SLURM_FAKE/refuse" 2>/dev/null)" = "$(basename "$script")" ]; then
    echo "sbatch: error: invalid partition" >&2
    exit 1
fi
job=$(($(cat "$SLURM_FAKE/jobs" 2>/dev/null || echo 0) + 1))
echo "$job" >"$SLURM_FAKE/jobs"
echo "$job"
[ ! -e "$SLURM_FAKE/hold" ] || exit 0
export SLURM_ARRAY_JOB_ID="$job" SLURM_ARRAY_TASK_ID SLURM_RESTART_COUNT
for range in $(echo "${array%%%*}" | tr , ' '); do
    for SLURM_ARRAY_TASK_ID in $(if [ "$range" = none ]; then echo none; else seq "${range%-*}" "${range#*-}"; fi); do
        SLURM_RESTART_COUNT=0
        while :; do
            sh "$script" >>"$(echo "$output" | sed "s/%a/$SLURM_ARRAY_TASK_ID/")" 2>&1 </dev/null
            [ "$(cat "$SLURM_FAKE/requeued" 2>/dev/null)" = "${job}_$SLURM_ARRAY_TASK_ID" ] || break
            rm "$SLURM_FAKE/requeued"
            SLURM_RESTART_COUNT=$((SLURM_RESTART_COUNT + 1))
        done
    done
done
exit 0
"#;

impl Place {
    pub fn new() -> Self {
        let mut place = Self::empty();
        for folder in ["slurm", "bin"] {
            std::fs::create_dir(place.path(folder)).unwrap();
        }
        place.script("bin/sbatch", SBATCH);
        place.script("bin/squeue", "cat \"$SLURM_FAKE/queue\" 2>/dev/null\nexit 0\n");
        place.script("bin/sacct", "echo 'Slurm accounting storage is disabled' >&2\nexit 1\n");
        place.script("bin/scancel", "echo \"$@\" >>\"$SLURM_FAKE/scancel\"\n");
        place.script("bin/scontrol", "echo \"$2\" >\"$SLURM_FAKE/requeued\"\n");
        let path = std::env::var("PATH").unwrap();
        place.set("PATH", format!("{}:{path}", place.path("bin").display()));
        place.set("SLURM_FAKE", place.path("slurm"));
        place.set("REELBOARD", env!("CARGO_BIN_EXE_reelboard"));
        place
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn script(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// From now on the scheduler takes jobs and runs nothing.
    pub fn hold(&self) {
        std::fs::write(self.path("slurm/hold"), "").unwrap();
    }

    pub fn let_go(&self) {
        std::fs::remove_file(self.path("slurm/hold")).unwrap();
    }

    /// What the queue says from now on.
    pub fn queue(&self, lines: &str) {
        std::fs::write(self.path("slurm/queue"), lines).unwrap();
    }

    /// Runs the first task of a stage, sends its shell a signal once the worker has made a step, and returns what was said.
    pub fn signalled_in_the_middle(&self, stage: &str, signal: &str) -> Vec<String> {
        let mut shell = self.other("/bin/sh");
        shell.arg(self.path(&format!("a.reel/farm/1/{stage}.sh")));
        shell.env("SLURM_ARRAY_JOB_ID", "1").env("SLURM_ARRAY_TASK_ID", "1");
        let mut shell = shell.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = Vec::new();
        for line in BufReader::new(shell.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            if line == "denoising" {
                while !self.path(&format!("a.reel/farm/1/unfinished/{stage}-1.state")).exists() {
                    assert!(shell.try_wait().unwrap().is_none(), "it ended by itself: {said:?}");
                    std::thread::yield_now();
                }
                let sent = self.other("kill").arg(signal).arg(shell.id().to_string()).status().unwrap();
                assert!(sent.success());
            }
            assert_ne!(line, "decoding", "it was not stopped: {said:?}");
            said.push(line);
        }
        assert_eq!(shell.wait().unwrap().code(), Some(130), "{said:?}");
        said
    }

    /// The names of a project's pictures.
    pub fn media(&self, project: &str) -> Vec<String> {
        let files = std::fs::read_dir(self.path(project).join("media")).unwrap();
        let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

pub fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}
