/** How far the page is: what a test can see, as the global `progress`. */
export interface Progress {
  frames: number;
  faults: string[];
  meshes: number;
  come: number;
  gone: number;
  moves: number;
  holes: number;
  buffers: number;
}
