export { EddiError, type ErrorCode, HTTP_STATUS, isErrorCode, toEddiError } from "./error.ts";
