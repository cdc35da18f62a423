//! Where and how a stage runs: by the first plan that fits, and after running out of memory once more by a cheaper one.

use super::run::JobError;
use crate::models::weights::Keep;
use crate::models::{
    ComputeError, DeviceKind, Machine, ModelSpec, OpenDevices, Plan, Role, StagePlans, memory_held, stage_plans,
};
use crate::progress::Watch;
use candle_core::{DType, Device};

/// A plan with its device.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub plan: Plan,
    pub device: Device,
}

impl Place {
    pub fn dtype(&self) -> DType {
        self.plan.dtype.of_tensors()
    }

    pub fn keep(&self) -> Keep {
        if self.plan.sequential { Keep::WhileUsed } else { Keep::Loaded }
    }

    /// Whether what was loaded for `other` can be used here.
    pub fn is_as(&self, other: &Self) -> bool {
        let of = |plan: &Plan| (plan.device.clone(), plan.dtype, plan.sequential);
        of(&self.plan) == of(&other.plan)
    }

    /// The kind of device and the numbers: what a take remembers.
    pub fn made_on(&self) -> String {
        format!("{} {}", DeviceKind::of(&self.plan.device), self.plan.dtype)
    }
}

/// What is loaded together and let go of together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// For references and stills.
    Pictures,
    /// For clips.
    Clips,
}

/// The devices that are open, and what lies on them.
#[derive(Debug, Default)]
pub(super) struct Places {
    open: OpenDevices,
    /// What loaded networks keep: the device, and how much of it.
    held: Vec<(Part, String, u64)>,
}

impl Places {
    /// How `model` can run on `machine` with the models that it needs, what this program has loaded counted as free: it
    /// is used or given back.
    pub fn plans(
        &self,
        model: &ModelSpec,
        needed: &[&ModelSpec],
        machine: Machine,
        (size, frames): ([u32; 2], u32),
    ) -> Result<StagePlans, JobError> {
        let machine =
            self.held.iter().fold(machine, |machine, (_, device, bytes)| machine.with_given_back(device, *bytes));
        let plans = stage_plans(model.role, needed, &machine, size, frames)?;
        match plans.refusal(&model.title) {
            Some(refusal) if model.role == Role::Animator => {
                Err(JobError::NoRoom(format!("{refusal}; stills can be rendered without clips")))
            }
            Some(refusal) => Err(JobError::NoRoom(refusal)),
            None => Ok(plans),
        }
    }

    pub fn open(&mut self, plan: &Plan) -> Result<Place, ComputeError> {
        Ok(Place { plan: plan.clone(), device: self.open.open(&plan.device)? })
    }

    /// Remembers what is loaded from now on.
    pub fn hold(&mut self, part: Part, place: &Place, needed: &[&ModelSpec]) {
        let bytes = memory_held(needed, &place.plan);
        let before = self.held.iter().find(|(of, device, _)| *of == part && *device == place.plan.device);
        let bytes = before.map_or(bytes, |(.., held)| bytes.max(*held));
        self.let_go(part);
        self.held.push((part, place.plan.device.clone(), bytes));
    }

    pub fn let_go(&mut self, part: Part) {
        self.held.retain(|(of, ..)| *of != part);
    }

    /// Whether there is room for a plan beside what is loaded for `other`, when all the rest is let go of.
    pub fn fits_beside(&self, other: Part, plan: &Plan, machine: &Machine) -> bool {
        let rest = self.held.iter().filter(|(part, device, _)| *part != other && *device == plan.device);
        let given_back: u64 = rest.map(|(.., bytes)| bytes).sum();
        let free = match machine.accelerators.iter().find(|card| card.name == plan.device) {
            Some(card) => card.free_bytes,
            None => machine.room.memory_bytes,
        };
        free.is_none_or(|free| plan.free_bytes() <= free.saturating_add(given_back))
    }
}

/// Works by the first plan that fits; when the device runs out of memory all the same, frees what is loaded and works once
/// more by the next that takes less. The user is told when it is not the way that would be taken with more memory.
pub(super) fn by_plan<S, T>(
    state: &mut S,
    plans: &StagePlans,
    watch: &dyn Watch,
    free: impl FnOnce(&mut S),
    mut work: impl FnMut(&mut S, &Plan) -> Result<T, JobError>,
) -> Result<T, JobError> {
    let Some(first) = plans.fitting.first() else {
        return Err(JobError::NoRoom("no plan fits this machine".to_owned()));
    };
    // Of one device: that the processor does not take what a card cannot is the user's to know, too.
    if let Some(better) = plans.too_large.iter().find(|plan| is_better(plan, first)) {
        watch.note(&format!("computed in {}: {} would take more memory than is free", first.way(), better.way()));
    }
    log::info!("{first}");
    let error = match work(state, first) {
        Err(JobError::OutOfMemory(error)) => error,
        result => return result,
    };
    let Some(cheaper) = plans.after(first) else { return Err(JobError::OutOfMemory(error)) };
    log::warn!("{first}: {error}; once more: {cheaper}");
    free(state);
    watch.note(&format!("{} ran out of memory, so it was computed in {}", first.way(), cheaper.way()));
    work(state, cheaper)
}

/// Whether `plan` would have come before `chosen`.
fn is_better(plan: &Plan, chosen: &Plan) -> bool {
    let rank = |plan: &Plan| {
        let is_own = (plan.device == "cpu") == (plan.dtype.bytes() == 4);
        (plan.device == "cpu", !is_own, plan.sequential)
    };
    rank(plan) < rank(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Dtype;
    use crate::progress::{Cancelled, Progress};
    use std::sync::Mutex;

    #[derive(Default)]
    struct Notes(Mutex<Vec<String>>);

    impl Progress for Notes {
        fn step(&self, _done: u64, _total: u64) -> Result<(), Cancelled> {
            Ok(())
        }
    }

    impl Watch for Notes {
        fn note(&self, text: &str) {
            self.0.lock().unwrap().push(text.to_owned());
        }
    }

    fn plan(device: &str, dtype: Dtype, sequential: bool, needed_bytes: u64) -> Plan {
        Plan { device: device.to_owned(), dtype, sequential, size: [512, 512], frames: 1, needed_bytes }
    }

    fn plans(fitting: Vec<Plan>, too_large: Vec<Plan>) -> StagePlans {
        let least = plan("cpu", Dtype::F16, true, 1);
        let (smaller, unchosen) = (Vec::new(), Vec::new());
        StagePlans { fitting, too_large, smaller, smallest: least.clone(), least, unchosen, found_bytes: None }
    }

    /// What was tried and told when only `works` does not run out of memory.
    fn tried(plans: &StagePlans, works: &str) -> (Result<String, JobError>, Vec<String>, Vec<String>) {
        let (notes, mut tries) = (Notes::default(), Vec::new());
        let free = |tries: &mut Vec<String>| tries.push("freed".to_owned());
        let result = by_plan(&mut tries, plans, &notes, free, |tries, plan| {
            tries.push(plan.way());
            if plan.way() == works { Ok(plan.way()) } else { Err(JobError::OutOfMemory("full".to_owned())) }
        });
        (result, tries, notes.0.into_inner().unwrap())
    }

    #[test]
    fn a_full_memory_is_freed_and_the_next_cheaper_plan_is_tried_once() {
        let all = plans(
            vec![
                plan("cuda:0", Dtype::F16, false, 8),
                plan("cuda:0", Dtype::F16, true, 5),
                plan("cuda:0", Dtype::F32, false, 16),
                plan("cpu", Dtype::F32, false, 16),
            ],
            Vec::new(),
        );
        let (result, tries, notes) = tried(&all, "f16 on cuda:0");
        assert_eq!((result.unwrap().as_str(), tries.len(), notes.len()), ("f16 on cuda:0", 1, 0));
        let (result, tries, notes) = tried(&all, "f16 on cuda:0, one network at a time");
        assert!(result.is_ok());
        assert_eq!(tries, ["f16 on cuda:0", "freed", "f16 on cuda:0, one network at a time"]);
        assert_eq!(
            notes,
            ["f16 on cuda:0 ran out of memory, so it was computed in f16 on cuda:0, one network at a time"]
        );
        let (result, tries, _) = tried(&all, "f32 on cpu");
        assert!(matches!(result, Err(JobError::OutOfMemory(_))) && tries.len() == 3, "once and no more");
        let (result, tries, _) = tried(&plans(vec![plan("cpu", Dtype::F32, false, 16)], Vec::new()), "");
        assert!(matches!(result, Err(JobError::OutOfMemory(_))) && tries.len() == 1);
    }

    #[test]
    fn a_plan_that_is_not_the_best_is_told() {
        let found = plans(
            vec![plan("cpu", Dtype::F32, true, 8), plan("cpu", Dtype::F16, false, 7)],
            vec![plan("cpu", Dtype::F32, false, 16)],
        );
        let (_, _, notes) = tried(&found, "f32 on cpu, one network at a time");
        assert_eq!(
            notes,
            ["computed in f32 on cpu, one network at a time: f32 on cpu would take more memory than is free"]
        );
        // That what is worse does not fit is no news.
        let found = plans(vec![plan("cuda:0", Dtype::F16, false, 8)], vec![plan("cpu", Dtype::F32, false, 16)]);
        assert!(tried(&found, "f16 on cuda:0").2.is_empty());
    }
}
