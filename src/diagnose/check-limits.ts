import { MAX_SESSION_ID_LENGTH } from '../entry/session-id.ts';
import { insideOf } from '../otel/provider-inside.ts';
import type { DiagnosisReport } from './diagnosis.ts';
import type { DiagnosisScene } from './subject.ts';

/** Checks the SDK's limits on the length and number of attributes. This package's own writes do not depend on them. */
export function checkLimits({ provider, processor }: DiagnosisScene, report: DiagnosisReport): void {
  if (provider === undefined) return;
  const limits = insideOf(provider)?.logRecordLimits;
  if (limits === undefined) return report.cannotCheck('limits of attributes: the provider does not show them');
  const { attributeCountLimit: count = Infinity, attributeValueLengthLimit: given = Infinity } = limits;
  // The SDK ignores a limit of 0 or less.
  const length = given > 0 ? given : Infinity;
  report.check(
    `the SDK keeps ${count} attributes of a record, each with ${length === Infinity ? 'any length' : `up to ${length} characters`}`,
  );
  if (length <= MAX_SESSION_ID_LENGTH) {
    report.find(
      'attribute_limits',
      `the SDK cuts attribute values at ${length} characters: longer session ids of other loggers become one session if their beginnings are equal, and exporters get longer ids cut`,
      `raise OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT, or \`logRecordLimits.attributeValueLengthLimit\` of the provider, above ${MAX_SESSION_ID_LENGTH}, or keep session ids shorter than ${length} characters`,
    );
  }
  const cut = processor.router.scopes.list().filter(({ cut: records }) => records > 0);
  if (cut.length === 0) return;
  report.find(
    'attribute_limits',
    `the SDK keeps ${count} attributes of a record: ${cut.map(({ name, cut: records }) => `${records} of "${name}"`).join(', ')} had more and no session, whose id may be among the dropped ones`,
    'raise OTEL_ATTRIBUTE_COUNT_LIMIT, or `logRecordLimits.attributeCountLimit` of the provider, set `session.id` before the other attributes, or log within `withSession`, to which no limit applies',
  );
}
