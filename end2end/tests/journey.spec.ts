import { wholeJob } from "./journey";

wholeJob({ script: true });
