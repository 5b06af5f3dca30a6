// What a launch.json may say. One schema gives the check, the type, and the description in package.json (a test keeps them equal).

import * as z from 'zod';
import { type FilePlaces, UserError } from '../recording';

export const LaunchArguments = z.object({
  recording: z.string().min(1).describe('Path of the recording: a directory named *.afterimage, or a file made by afterimage pack.'),
  program: z.string().optional().describe('The executable that made the recording, if it is no longer where it was.'),
  sysroot: z
    .string()
    .min(1)
    .optional()
    .describe("A directory that holds the recorded machine's files, executable and libraries, at the paths that they had."),
  pathMap: z
    .record(z.string().min(1), z.string())
    .optional()
    .describe('Where directories of the recorded machine are on this one: {"/app": "/srv/build"}.'),
  reactor: z
    .union([z.string(), z.int().nonnegative()])
    .optional()
    .describe('Name or number of the reactor to replay. Without it, the one that crashed, or the first.'),
  stopAt: z
    .union([z.enum(['crash', 'start']), z.int().nonnegative()])
    .default('crash')
    .describe('Where the session begins: at the event that crashed (or the last one), at the first event, or at the event of this number.'),
  gdb: z.string().min(1).default('gdb').describe('Path of gdb, version 12 or newer.'),
});
export type LaunchArguments = z.infer<typeof LaunchArguments>;

export function filePlaces({ sysroot, pathMap }: LaunchArguments): FilePlaces {
  const maps = Object.entries(pathMap ?? {}).map(([from, to]) => `${from}=${to}`);
  return { ...(sysroot === undefined ? {} : { sysroot }), pathMap: maps };
}

export function parseLaunchArguments(given: unknown): LaunchArguments {
  const parsed = LaunchArguments.safeParse(given ?? {});
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = issue?.path.join('.') ?? '';
  const problem = name === '' ? (issue?.message ?? '') : `"${name}" is not right (${issue?.message})`;
  const description = LaunchArguments.shape[name as keyof typeof LaunchArguments.shape]?.description;
  throw new UserError('launch-arguments', `In the launch configuration, ${problem}. ${description ?? ''}`.trim());
}

/** For contributes.debuggers[0].configurationAttributes.launch in package.json. */
export function launchSchema(): Record<string, unknown> {
  const { properties, required } = z.toJSONSchema(LaunchArguments, { io: 'input' });
  const plain: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(properties ?? {})) plain[name] = withoutLimits(property);
  return { required, properties: plain };
}

/** Editors show schemas to people: the largest safe integer and the like only disturb. */
function withoutLimits(property: unknown): unknown {
  const hidden = ['maximum', 'minLength'];
  return JSON.parse(JSON.stringify(property, (key, value: unknown) => (hidden.includes(key) ? undefined : value)));
}
