//! Where and how a stage runs: by the first plan that fits, and after running out of memory once more by a cheaper one.

use super::run::JobError;
use crate::models::weights::Keep;
use crate::models::{
    ComputeError, DeviceKind, Machine, ModelSpec, OpenDevices, Plan, StagePlans, memory_held, stage_plans,
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

/// The devices that are open, and what lies on them.
#[derive(Debug, Default)]
pub(super) struct Places {
    open: OpenDevices,
    /// What loaded networks keep: the device, and how much of it.
    held: Option<(String, u64)>,
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
        let machine = match &self.held {
            Some((device, bytes)) => machine.with_given_back(device, *bytes),
            None => machine,
        };
        let plans = stage_plans(model.role, needed, &machine, size, frames)?;
        match plans.refusal(&model.title) {
            Some(refusal) => Err(JobError::NoRoom(refusal)),
            None => Ok(plans),
        }
    }

    pub fn open(&mut self, plan: &Plan) -> Result<Place, ComputeError> {
        Ok(Place { plan: plan.clone(), device: self.open.open(&plan.device)? })
    }

    /// Remembers what is loaded from now on.
    pub fn hold(&mut self, place: &Place, needed: &[&ModelSpec]) {
        let bytes = memory_held(needed, &place.plan);
        let more = self.held.take().filter(|(device, _)| *device == place.plan.device);
        self.held = Some((place.plan.device.clone(), more.map_or(bytes, |(_, held)| held.max(bytes))));
    }

    pub fn hold_nothing(&mut self) {
        self.held = None;
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
