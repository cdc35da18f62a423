//! What this machine can draw with.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// One way of drawing: a graphics card or a software renderer, through one graphics interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterInfo {
    /// As the driver calls it.
    pub name: String,
    /// The graphics interface, such as `vulkan`.
    pub backend: String,
    /// `discrete GPU`, `integrated GPU`, `virtual GPU`, `CPU` or `other`.
    pub kind: &'static str,
    /// Name and version of the driver; may be empty.
    pub driver: String,
}

/// Everything that this machine can draw with; empty when not even a software renderer is installed.
pub fn adapters() -> Vec<AdapterInfo> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let found = finished(instance.enumerate_adapters(wgpu::Backends::all()));
    found.iter().map(|adapter| describe(&adapter.get_info())).collect()
}

fn describe(info: &wgpu::AdapterInfo) -> AdapterInfo {
    let kind = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => "discrete GPU",
        wgpu::DeviceType::IntegratedGpu => "integrated GPU",
        wgpu::DeviceType::VirtualGpu => "virtual GPU",
        wgpu::DeviceType::Cpu => "CPU",
        wgpu::DeviceType::Other => "other",
    };
    let driver = format!("{} {}", info.driver, info.driver_info).trim().to_owned();
    AdapterInfo { name: info.name.clone(), backend: info.backend.to_string(), kind, driver }
}

/// Outside of web browsers, wgpu's futures are finished when they are made or after a few polls.
fn finished<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::yield_now(),
        }
    }
}
