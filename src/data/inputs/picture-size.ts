/** Types of pictures to recognise. */

export interface PictureSize {
  width: number;
  height: number;
  channels: number;
}

/** A picture: pixel row by pixel row, within a pixel row channel by channel. */
export interface InputPicture {
  /** In pixels. */
  width: number;
  /** In pixels. */
  height: number;
  /** 1 for grey, 3 for red, green and blue. Default 1. */
  channels?: number;
  /** [height, channels, width] 0 is paper, 255 is ink. */
  pixels: Uint8Array;
}
