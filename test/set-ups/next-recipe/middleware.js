import { NextResponse } from 'next/server';

// Makes Next.js build for its edge runtime too.
export function middleware() {
  return NextResponse.next();
}
