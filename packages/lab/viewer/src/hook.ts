/** Offers the hook of `hook-types.ts`: the state that is drawn, and where it is drawn. */
import { pixelOfPage } from "./draw/map-layout.ts";
import type { ViewerHook } from "./hook-types.ts";
import { client, player } from "./state/app.ts";
import * as store from "./state/store.ts";
import { colorOfOwner } from "./ui/owner-look.ts";

declare global {
  interface Window {
    kmemViewer?: ViewerHook;
  }
}

/** Puts the hook into the window. */
export function offerHook(): void {
  window.kmemViewer = {
    moment: () => store.picture.peek()?.moment ?? -1,
    position: () => store.take.peek()?.position ?? 0,
    length: () => store.take.peek()?.operationCount ?? 0,
    isBusy: () => store.progress.peek() !== null,
    isSettled: () => player.isSettled(store.takeNumber.peek()),
    drawn: () => client.call("drawn", [store.takeNumber.peek(), store.picture.peek()?.moment ?? 0]),
    layout: () => store.picture.peek()?.map?.layout ?? null,
    placeOfPage: (page) => {
      const map = store.picture.peek()?.map ?? null;
      return map === null ? null : pixelOfPage(map.layout, page);
    },
    colorOf: (name) => {
      const take = store.take.peek();
      const owner = take?.owners.findIndex((each) => each.name === name) ?? -1;
      return take === null || owner < 0 ? null : colorOfOwner(take, owner, store.theme.peek());
    },
    pictureTimes: () => player.times.pictureMs,
  };
}
