// A plugin: a class is documented by its own members; those of the class that it extends are documented there.
import { Converter, ReflectionKind } from "typedoc";

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const member of project.getReflectionsByKind(ReflectionKind.ClassMember))
      if (member.inheritedFrom !== undefined && member.parent?.kindOf(ReflectionKind.Class))
        project.removeReflection(member);
  });
}
