//! Pictures on the GPU: textures, camera moves, dissolves, the player.
