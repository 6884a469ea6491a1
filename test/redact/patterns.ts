import {
  CREDIT_CARD_NUMBER_PATTERN,
  EMAIL_ADDRESS_PATTERN,
  JWT_PATTERN,
  KR_RRN_PATTERN,
  US_SSN_PATTERN,
} from '@logtape/redaction';

import type { RedactionPattern } from '../../src/redact/pattern-redaction.ts';

export const LOGTAPE: readonly RedactionPattern[] = [
  EMAIL_ADDRESS_PATTERN,
  CREDIT_CARD_NUMBER_PATTERN,
  JWT_PATTERN,
  US_SSN_PATTERN,
  KR_RRN_PATTERN,
];

/** Of each part of the syntax that such patterns use. */
export const OWN: readonly RedactionPattern[] = [
  { pattern: /sk-[A-Za-z0-9]{8,}/, replacement: '[KEY]' },
  { pattern: /\b(?:AKIA|ASIA)[A-Z0-9]{6}\b/, replacement: '[AWS]' },
  { pattern: /\b[A-Z]{2}\d{2}(?: ?\d{4}){2,5}\b/, replacement: '[IBAN]' },
  { pattern: /(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])/, replacement: '[IP]' },
  { pattern: /(?<=password[:=] ?)\S{4,12}/i, replacement: '[PASSWORD]' },
  { pattern: /(?<user>[a-z]+):(?<secret>[a-z0-9]+)@host/, replacement: '$<user>:***@host$$' },
  { pattern: /token|tok[0-9]+|to(?=ll)/, replacement: (match) => `<${match.length}>` },
  { pattern: /^BEGIN [^]*? END$/m, replacement: '[BLOCK]' },
  { pattern: /\p{Emoji_Presentation}{2,}!/u, replacement: '[EMOJI]' },
  { pattern: /x(?:y(?:z+|w)?){2,3}(?!\w)/, replacement: '[$&]' },
];

/** What the patterns match, what nearly matches, and what stands between. */
export const PARTS: readonly string[] = [
  'ada@example.com',
  'ada.lovelace@mail.example',
  'a@b',
  '4111 1111 1111 1111',
  '4111111111111111',
  '378282246310005',
  '123-45-6789',
  '1123-45-67890',
  '900101-1234567',
  'eyJhbGciOi.eyJzdWIi.c2ln-_',
  'eyJ',
  'sk-abcdefgh12345678',
  'sk-abc',
  'AKIAABC123',
  'ASIA12345',
  'DE89 3704 0044 0532',
  'GB29123456789012',
  '10.0.0.1',
  '1.2.3.4.5',
  'password: hunter22',
  'Password=abcd',
  'root:toor5@host',
  'token',
  'tok123',
  'toll',
  'to',
  'BEGIN a b END',
  'BEGIN ',
  ' END',
  '\n',
  '😀😀!',
  '😀',
  '\ud83d',
  'xyzyw',
  'xyyyy',
  'xyy',
  ' ',
  '. ',
  ', and then ',
  '7',
  'q',
  '-',
  '@',
  'ß',
];
