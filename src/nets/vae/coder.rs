//! The encoder and the decoder.

use super::layers::{MidBlock, Norm, Resnet, RowConv};
use super::rows::Rows;
use super::{Config, Run};
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

/// Residual blocks, then a change of size.
#[derive(Debug, Clone)]
struct Block {
    resnets: Vec<Resnet>,
    resize: Option<RowConv>,
}

impl Block {
    fn forward(&self, mut x: Rows, run: Run<'_>) -> Result<Rows> {
        for resnet in &self.resnets {
            x = resnet.forward(x, run)?;
        }
        match &self.resize {
            Some(resize) => resize.forward(x, run),
            None => Ok(x),
        }
    }
}

/// The last layers: norm, SiLU and convolution.
#[derive(Debug, Clone)]
struct Head {
    norm: Norm,
    conv: RowConv,
}

impl Head {
    fn new(groups: usize, inputs: usize, outputs: usize, vb: VarBuilder<'_>) -> Result<Self> {
        Ok(Self {
            norm: Norm::new(groups, inputs, vb.pp("conv_norm_out"))?,
            conv: RowConv::same(inputs, outputs, vb.pp("conv_out"))?,
        })
    }

    fn forward(&self, x: Rows, run: Run<'_>) -> Result<Tensor> {
        self.conv.forward_plus(x, Some(&self.norm), None, run)?.into_whole()
    }
}

/// Pictures to means and log variances.
#[derive(Debug, Clone)]
pub(super) struct Encoder {
    conv_in: RowConv,
    down_blocks: Vec<Block>,
    mid_block: MidBlock,
    head: Head,
}

impl Encoder {
    pub(super) fn new(config: &Config, vb: VarBuilder<'_>) -> Result<Self> {
        let (widths, groups) = (&config.block_out_channels, config.norm_num_groups);
        let mut channels = widths[0];
        let conv_in = RowConv::same(config.in_channels, channels, vb.pp("conv_in"))?;
        let mut down_blocks = Vec::with_capacity(widths.len());
        for (index, &width) in widths.iter().enumerate() {
            let vb = vb.pp("down_blocks").pp(index);
            let mut resnets = Vec::with_capacity(config.layers_per_block);
            for layer in 0..config.layers_per_block {
                resnets.push(Resnet::new(groups, channels, width, vb.pp("resnets").pp(layer))?);
                channels = width;
            }
            let resize =
                (index + 1 < widths.len()).then(|| RowConv::half(width, vb.pp("downsamplers.0.conv"))).transpose()?;
            down_blocks.push(Block { resnets, resize });
        }
        let mid_block = MidBlock::new(groups, channels, vb.pp("mid_block"))?;
        let head = Head::new(groups, channels, 2 * config.latent_channels, vb)?;
        Ok(Self { conv_in, down_blocks, mid_block, head })
    }

    /// `[batch, in_channels, height, width]` to `[batch, 2 * latent_channels, height / 8, width / 8]`.
    pub(super) fn forward(&self, pictures: Tensor, run: Run<'_>) -> Result<Tensor> {
        let mut x = self.conv_in.forward(Rows::whole(pictures)?, run)?;
        for block in &self.down_blocks {
            x = block.forward(x, run)?;
        }
        self.head.forward(self.mid_block.forward(x, run)?, run)
    }
}

/// Latents to pictures.
#[derive(Debug, Clone)]
pub(super) struct Decoder {
    conv_in: RowConv,
    mid_block: MidBlock,
    up_blocks: Vec<Block>,
    head: Head,
}

impl Decoder {
    pub(super) fn new(config: &Config, vb: VarBuilder<'_>) -> Result<Self> {
        let (widths, groups) = (&config.block_out_channels, config.norm_num_groups);
        let mut channels = widths[widths.len() - 1];
        let conv_in = RowConv::same(config.latent_channels, channels, vb.pp("conv_in"))?;
        let mid_block = MidBlock::new(groups, channels, vb.pp("mid_block"))?;
        let mut up_blocks = Vec::with_capacity(widths.len());
        for (index, &width) in widths.iter().rev().enumerate() {
            let vb = vb.pp("up_blocks").pp(index);
            let mut resnets = Vec::with_capacity(config.layers_per_block + 1);
            for layer in 0..=config.layers_per_block {
                resnets.push(Resnet::new(groups, channels, width, vb.pp("resnets").pp(layer))?);
                channels = width;
            }
            let resize =
                (index + 1 < widths.len()).then(|| RowConv::double(width, vb.pp("upsamplers.0.conv"))).transpose()?;
            up_blocks.push(Block { resnets, resize });
        }
        Ok(Self { conv_in, mid_block, up_blocks, head: Head::new(groups, channels, config.out_channels, vb)? })
    }

    /// `[batch, latent_channels, height, width]` to `[batch, out_channels, 8 * height, 8 * width]`.
    pub(super) fn forward(&self, latents: Tensor, run: Run<'_>) -> Result<Tensor> {
        let x = self.conv_in.forward(Rows::whole(latents)?, run)?;
        let mut x = self.mid_block.forward(x, run)?;
        for block in &self.up_blocks {
            x = block.forward(x, run)?;
        }
        self.head.forward(x, run)
    }
}
